"""The stages of scripts: way points, and picking and placing. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.body_box import BodyBox
from strands_robots.core.errors import NotAchievedError, PolicyError, UnknownNameError
from strands_robots.core.pose import Pose
from strands_robots.description.robot_config import GripperConfig
from strands_robots.policies.scripted.reach import Reach
from strands_robots.policies.scripted.script import Look, ScriptStage
from strands_robots.policies.scripted.script_options import ObjectOptions, PickOptions, WaypointOptions

GAP = 0.006
"""Distance of the fixed jaw from the object before it closes [m]."""

LEFT_OPEN = 0.04
"""A gripper that closes further than this from closed holds nothing, as part of its way."""

ON_TOP = 0.002
"""An object that is put on another is let go this high over it [m]."""

SQUEEZE = 0.5
"""Time for the gripper to close on an object [s]."""

DEFAULT_WIDTH = 0.025
"""Width of an object that is not known [m]."""

Bodies = Callable[[str], Pose]
"""Returns where a body is in the robot's base frame."""

Boxes = Callable[[str], BodyBox]
"""Returns how large a body is."""


def waypoint_stages(
    points: tuple[WaypointOptions, ...], names: tuple[str, ...], reach: Reach | None
) -> list[ScriptStage]:
    """Return a stage for each way point.

    Raises:
        UnknownNameError: If a joint is not the robot's.
    """
    for point in points:
        for joint in point.joints:
            if joint not in names:
                raise UnknownNameError("joint of policy 'scripted'", joint, names)
    return [_waypoint(i, point, names, reach) for i, point in enumerate(points)]


def _waypoint(index: int, point: WaypointOptions, names: tuple[str, ...], reach: Reach | None) -> ScriptStage:
    def target(before: FloatArray) -> FloatArray:
        goal = before.copy()
        if point.position is not None and reach is not None:
            moved = reach.above(np.array(point.position), point.yaw, before)
            goal = np.where([name in _gripper_joints(reach) for name in names], before, moved)
        for joint, value in point.joints.items():
            goal[names.index(joint)] = value
        if point.gripper is not None:
            if reach is None or reach.config.gripper is None:
                raise PolicyError("way points with 'gripper' need 'model', a robot that has a gripper")
            _set_gripper(goal, names, reach.config.gripper, point.gripper)
        return goal

    moved = (
        tuple(range(len(names))) if point.position is not None else tuple(names.index(joint) for joint in point.joints)
    )
    return ScriptStage(f"way point {index}", target, moved, point.duration, point.pause)


@dataclass
class _Grasp:
    """What the stages of one pick share."""

    grasp: FloatArray
    over: FloatArray
    tries: int
    widths: tuple[float, float] = (DEFAULT_WIDTH, DEFAULT_WIDTH)
    depth: float = 0.0
    place: FloatArray | None = None


def pick_stages(
    options: PickOptions, names: tuple[str, ...], reach: Reach, bodies: Bodies | None, boxes: Boxes | None = None
) -> list[ScriptStage]:
    """Return the stages that pick an object up and put it down.

    Args:
        options: What and where.
        names: The robot's joints.
        reach: Its kinematics.
        bodies: Where bodies are; None where the world may not be asked.
        boxes: How large they are; likewise.

    Raises:
        PolicyError: If the robot has no gripper, or an object is named and the world may not be asked.
    """
    gripper = reach.config.gripper
    if gripper is None:
        raise PolicyError(f"'{reach.config.name}' has no gripper to pick with")
    if options.object.body and bodies is None:
        raise PolicyError(
            f"where '{options.object.body}' is cannot be asked of a running robot; valid: 'at' and 'yaw' in the base frame"
        )
    if options.onto and boxes is None:
        raise PolicyError(f"how high '{options.onto}' is cannot be asked; valid: 'place' in the base frame")
    arm = tuple(i for i, name in enumerate(names) if name not in gripper.joints)
    shared = _Grasp(np.zeros(0), np.zeros(0), 0)

    def over(before: FloatArray) -> FloatArray:
        centre, yaw = _place_of(options.object, bodies)
        start = before.copy()
        shared.widths, shared.depth = _sizes_of(options.object, centre, boxes)
        shared.grasp, tool_yaw = reach.grasp(centre, yaw, shared.widths, GAP, start)
        rise = np.array([0.0, 0.0, options.approach])
        shared.over = reach.above(reach.tool(shared.grasp) + rise, tool_yaw, shared.grasp)
        return _with_gripper(shared.over, names, gripper, options.open)

    def lifted(before: FloatArray) -> FloatArray:
        rise = np.array([0.0, 0.0, options.lift])
        return _keep_gripper(reach.above(reach.tool(shared.grasp) + rise, None, shared.over), before, names, gripper)

    def check(look: Look) -> int | None:
        held = np.mean([look.position[names.index(joint)] for joint in gripper.joints])
        if abs(held - gripper.closed) > LEFT_OPEN * abs(gripper.open - gripper.closed):
            return None
        shared.tries += 1
        if shared.tries >= options.tries:
            raise NotAchievedError(f"the gripper closed on nothing {shared.tries} times")
        return 0

    stages = [
        ScriptStage("open", lambda before: _with_gripper(before, names, gripper, options.open), duration=0.3),
        ScriptStage("approach", over, arm),
        ScriptStage("descend", lambda before: _with_gripper(shared.grasp, names, gripper, options.open), arm),
        ScriptStage("grip", lambda before: _with_gripper(before, names, gripper, 0.0), pause=SQUEEZE, after=check),
        ScriptStage("lift", lifted, arm, after=check),
    ]
    if options.place is None and not options.onto:
        return stages
    where = _Placing(options, shared, boxes)
    return [*stages, *_place_stages(options, where, names, reach, gripper, arm)]


@dataclass
class _Placing:
    """Where the object goes: looked up once, when it is carried there."""

    options: PickOptions
    shared: _Grasp
    boxes: Boxes | None

    def place(self) -> FloatArray:
        """Return where the object's centre shall be (3,) in the base frame [m]."""
        if self.options.place is not None:
            return np.array(self.options.place)
        if self.shared.place is None:
            assert self.boxes is not None
            box = self.boxes(self.options.onto)
            top = box.centre[2] + 0.5 * box.size[2]
            self.shared.place = np.array([box.centre[0], box.centre[1], top + self.shared.depth + ON_TOP])
        return self.shared.place


def _place_stages(
    options: PickOptions,
    where: _Placing,
    names: tuple[str, ...],
    reach: Reach,
    gripper: GripperConfig,
    arm: tuple[int, ...],
) -> list[ScriptStage]:
    def to(height: float, is_open: bool) -> Callable[[FloatArray], FloatArray]:
        def target(before: FloatArray) -> FloatArray:
            place = where.place()
            grasp, yaw = reach.grasp(place, float(np.arctan2(place[1], place[0])), where.shared.widths, 0.0, before)
            position = (
                grasp if height == 0.0 else reach.above(reach.tool(grasp) + np.array([0.0, 0.0, height]), yaw, grasp)
            )
            kept = _keep_gripper(position, before, names, gripper)
            return _with_gripper(kept, names, gripper, options.open) if is_open else kept

        return target

    return [
        ScriptStage("carry", to(options.lift, False), arm),
        ScriptStage("lower", to(0.0, False), arm),
        ScriptStage("release", lambda before: _with_gripper(before, names, gripper, options.open), pause=0.3),
        ScriptStage("retreat", to(options.approach, True), arm),
    ]


def _sizes_of(thing: ObjectOptions, centre: FloatArray, boxes: Boxes | None) -> tuple[tuple[float, float], float]:
    """Return an object's widths along its own x and y, and how far its origin is over its lowest point [m]."""
    box = boxes(thing.body) if thing.body and boxes is not None else None
    if thing.width is not None:
        widths = (thing.width, thing.width)
    elif box is not None:
        widths = (float(box.own_size[0]), float(box.own_size[1]))
    else:
        widths = (DEFAULT_WIDTH, DEFAULT_WIDTH)
    return widths, float(centre[2] - (box.centre[2] - 0.5 * box.size[2])) if box is not None else 0.0


def _place_of(thing: ObjectOptions, bodies: Bodies | None) -> tuple[FloatArray, float]:
    if thing.at is not None or bodies is None:
        return np.array(thing.at), thing.yaw
    pose = bodies(thing.body)
    return pose.position, float(np.arctan2(pose.rotation[1, 0], pose.rotation[0, 0]))


def _gripper_joints(reach: Reach) -> tuple[str, ...]:
    return reach.config.gripper.joints if reach.config.gripper is not None else ()


def _with_gripper(goal: FloatArray, names: tuple[str, ...], gripper: GripperConfig, fraction: float) -> FloatArray:
    goal = goal.copy()
    _set_gripper(goal, names, gripper, fraction)
    return goal


def _set_gripper(goal: FloatArray, names: tuple[str, ...], gripper: GripperConfig, fraction: float) -> None:
    for joint in gripper.joints:
        goal[names.index(joint)] = gripper.closed + fraction * (gripper.open - gripper.closed)


def _keep_gripper(goal: FloatArray, before: FloatArray, names: tuple[str, ...], gripper: GripperConfig) -> FloatArray:
    goal = goal.copy()
    for joint in gripper.joints:
        goal[names.index(joint)] = before[names.index(joint)]
    return goal

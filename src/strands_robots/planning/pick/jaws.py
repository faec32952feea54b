"""How a robot's gripper closes, found from its model: along which axis of the tool, and whether both fingers move. Needs MuJoCo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose, pose_from_quaternion
from strands_robots.motion.arm import Arm
from strands_robots.planning.planning_scene import PlanningScene
from strands_robots.planning.scene_checker import SceneChecker

_SYMMETRIC = 0.2
"""Fingers whose ways add up to less than this part of one of them close from both sides."""


@dataclass(frozen=True, eq=False)
class Jaws:
    """A gripper.

    Attributes:
        axis: Direction (3,) in the tool's frame in which the finger that moves closes; at right angles to the tool's z axis.
        is_one_sided: One finger moves, and the tool's frame lies on the face of the other; else it lies between both.
        opening: Widest object that fits between the jaws [m] when they are `opening_at` of the way open, 0 to 1.
        link: Body that carries the tool.
        parts: Bodies that may touch what is grasped: the link and its fingers.
        columns: Joints of the gripper.
        open, closed: Their ends [rad] or [m].
        reach: How far the fingers go on past the tool's frame, along its z axis [m].
    """

    axis: FloatArray
    is_one_sided: bool
    opening: float
    opening_at: float
    link: str
    parts: tuple[str, ...]
    columns: tuple[int, ...]
    open: float
    closed: float
    reach: float

    def at_fraction(self, position: FloatArray, fraction: float) -> FloatArray:
        """Return joint positions (D,) with the gripper this part of the way open, 0 to 1."""
        made = position.copy()
        made[list(self.columns)] = self.closed + fraction * (self.open - self.closed)
        return made

    def fraction_for(self, width: float) -> float:
        """Return how far open the gripper is on an object of a width [m], about: joints turn, and fingers are no straight lines."""
        return float(np.clip(self.opening_at * width / self.opening, 0.0, 1.0))

    def width_at(self, position: FloatArray) -> float:
        """Return the width between the jaws at joint positions (D,) [m], about; the opposite of `fraction_for`."""
        fraction = (position[self.columns[0]] - self.closed) / (self.open - self.closed)
        return float(np.clip(fraction, 0.0, 1.0)) * self.opening / self.opening_at


def jaws_of(arm: Arm) -> Jaws:
    """Return the gripper of a robot.

    Raises:
        MotionError: "invalid_goal" if it has none, or its configuration does not say how wide it opens.
    """
    config = arm.config
    gripper = config.gripper
    if gripper is None or gripper.opening is None or arm.tool is None:
        raise MotionError(
            "invalid_goal",
            f"robot '{arm.name}' has no gripper with 'opening', or no tool_frame, in its configuration; valid: a robot with both",
        )
    model, limits = arm.model, arm.limits
    checker = SceneChecker(arm, PlanningScene())
    columns = tuple(limits.index[name] for name in gripper.joints)
    home = np.array([config.home.get(name, 0.0) for name in limits.names])
    home = np.clip(home, limits.lower, limits.upper)
    opened, closed = home.copy(), home.copy()
    opened[list(columns)] = gripper.closed + gripper.opening_at * (gripper.open - gripper.closed)
    closed[list(columns)] = gripper.closed
    link = model.body(arm.tool[2]).name
    bodies = _below(arm, arm.tool[2])
    tool = arm.tool_pose(opened)
    across = np.array([1.0, 1.0, 0.0])  # a finger that turns also moves along the tool, which closes nothing
    ways = {name: across * _way(checker, name, tool, opened, closed) for name in bodies}
    moving = {name: way for name, way in ways.items() if np.linalg.norm(way) > 1e-4}
    if not moving:
        raise MotionError(
            "invalid_goal",
            f"nothing below '{link}' of '{arm.name}' moves with its gripper; valid: fingers there",
        )
    total = np.sum(list(moving.values()), axis=0)
    largest = max(moving.values(), key=lambda way: float(np.linalg.norm(way)))
    is_one_sided = bool(np.linalg.norm(total) > _SYMMETRIC * np.linalg.norm(largest))
    axis = total if is_one_sided else largest
    return Jaws(
        axis / np.linalg.norm(axis),
        is_one_sided,
        gripper.opening,
        gripper.opening_at,
        link,
        (link, *(name for name in bodies if name != link)),
        columns,
        gripper.open,
        gripper.closed,
        _reach(arm, checker, tuple(moving), closed),
    )


def _reach(arm: Arm, checker: SceneChecker, fingers: tuple[str, ...], position: FloatArray) -> float:
    """Return how far the shapes of the fingers that move go past the tool's frame along its z axis [m]; 0 for not at all."""
    model, to_tool = arm.model, arm.tool_pose(position).inverse()
    ends = [0.0]
    for finger in fingers:
        body = model.body(finger)
        to_finger = to_tool.at(checker.link_pose(position, finger))
        for geom in range(int(body.geomadr[0]), int(body.geomadr[0] + body.geomnum[0])):
            if not (model.geom_contype[geom] or model.geom_conaffinity[geom]):
                continue
            x, y, z, w = model.geom_quat[geom][[1, 2, 3, 0]]
            place = to_finger.at(pose_from_quaternion(model.geom_pos[geom], (x, y, z, w)))
            middle, half = model.geom_aabb[geom, :3], model.geom_aabb[geom, 3:]
            axis = place.rotation[2]
            ends.append(float(place.position[2] + axis @ middle + np.abs(axis) @ half))
    return max(ends)


def _below(arm: Arm, body: int) -> list[str]:
    """Return the names of the bodies that hang on a body."""
    model = arm.model
    found = {body}
    for child in range(body + 1, model.nbody):
        if int(model.body_parentid[child]) in found:
            found.add(child)
    return [model.body(child).name for child in sorted(found - {body})]


def _way(checker: SceneChecker, body: str, tool: Pose, opened: FloatArray, closed: FloatArray) -> FloatArray:
    """Return how the point of a body that is at the tool's origin while open moves until closed, in the tool's frame (3,) [m]."""
    before, after = checker.link_pose(opened, body), checker.link_pose(closed, body)
    moved = after.at(before.inverse().at(tool))
    way: FloatArray = tool.inverse().at(moved).position
    return way

"""One plan for several robots of one world: searched, checked and timed over all of their joints together. No I/O."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose
from strands_robots.motion.arm import Arm
from strands_robots.motion.move_to import JointTarget
from strands_robots.planning.checked_curve import check_step
from strands_robots.planning.goals import (
    MOST_CONFIGURATIONS,
    REGION_TRIES,
    Goal,
    LineGoal,
    PoseGoals,
    RegionGoal,
    from_start,
    joint_goal,
    pose_goals,
)
from strands_robots.planning.joint_effort import InverseDynamics, inverse_dynamics
from strands_robots.planning.oriented_goals import oriented
from strands_robots.planning.plan import Plan
from strands_robots.planning.planner import ITERATIONS, planner
from strands_robots.planning.planning_scene import PlanningScene
from strands_robots.planning.robot_group import PlacedRobot, RobotGroup
from strands_robots.planning.scene_checker import SceneChecker
from strands_robots.planning.scene_planner import check_search, checked_start, smooth_way
from strands_robots.planning.time_law import timed
from strands_robots.planning.tool_limits import ToolLimits
from strands_robots.planning.tool_speed import GroupToolSpeed, ToolSpeed

MOST_PAIRINGS = 64
"""Ways to have the goals of all robots at once that are looked at."""


@dataclass(frozen=True, eq=False)
class RobotWish:
    """What is asked of one robot.

    Attributes:
        goal: Where to; a line is not planned for several robots.
        start: Its joint positions (D,) [rad] or [m].
        tool: What its tool keeps to on the whole way.
    """

    goal: Goal
    start: FloatArray
    tool: ToolLimits = field(default_factory=ToolLimits)


@dataclass(frozen=True, eq=False)
class GroupRequest:
    """What is asked of all robots.

    Attributes:
        wishes: One for each robot, in the planner's order.
        planner, time_law, speed, seed, iterations: As in `PlanRequest`.
    """

    wishes: tuple[RobotWish, ...]
    planner: str
    time_law: str = "toppra"
    speed: float = 0.5
    seed: int = 0
    iterations: int = ITERATIONS


class GroupPlanner:
    """Plans for several robots. Belongs to one thread at a time; the same request in the same scene gives the same plan.

    Args:
        arms: The robots; names once each.

    Attributes:
        arms: The robots.
    """

    def __init__(self, arms: Sequence[Arm]) -> None:
        self.arms = tuple(arms)
        self._known: tuple[str, RobotGroup, SceneChecker] | None = None

    def plan(self, request: GroupRequest, bases: Sequence[Pose], scene: PlanningScene) -> Plan:
        """Return a plan.

        Args:
            request: What is asked.
            bases: Pose of each robot's base frame in that of the first.
            scene: What stands around them, in the base frame of the first; links are named "<robot>/<link>".

        Raises:
            MotionError: "invalid_goal", "unreachable", "collision" or "no_path"; the message says why, and what is valid.
            ConfigurationError: If the robots or the scene are not valid.
        """
        began = time.thread_time()
        self._check(request, bases)
        version = _version(scene, self.arms, bases)
        group, checker = self._placed(version, bases, scene)
        limits = group.limits
        start = np.concatenate([wish.start for wish in request.wishes])
        start = np.clip(start, limits.lower, limits.upper)
        checker.start_at(start)
        checker.keep(start, *(wish.tool for wish in request.wishes))
        columns = [column for each in _columns(request, group) for column in each]
        goals = _goals(request, group, checker, start)
        path = smooth_way(checker, columns, start[None], goals, request.planner, request.seed, request.iterations)
        dynamics, speed = _dynamics(request, group, start), _tool_speed(request, group, start)
        law = timed(request.time_law, path, limits, columns, request.speed, dynamics, speed)
        return Plan(
            robot=self.arms[0].name,
            robots=tuple(arm.name for arm in self.arms),
            planner=request.planner,
            seed=request.seed,
            scene_version=version,
            attached=tuple(sorted(held.shape.name for held in scene.attached)),
            start=start,
            joint_names=tuple(limits.names[column] for column in columns),
            way_points=path.points,
            times=law.times,
            parameters=law.parameters,
            rates=law.rates,
            time_law=request.time_law,
            speed_scale=request.speed,
            length=float(np.linalg.norm(np.diff(path.points, axis=0), axis=1).sum()),
            direct_length=float(np.linalg.norm(path.points[-1] - path.points[0])),
            check_step=check_step(checker),
            clearance=scene.clearance,
            tool_speed=max(wish.tool.speed for wish in request.wishes),
            most_rate=law.most_rate if speed is not None else 0.0,
            planning_time=time.thread_time() - began,
        )

    def checker(self, bases: Sequence[Pose], scene: PlanningScene) -> SceneChecker:
        """Return the robots in a scene; compiled anew only when something is another one."""
        return self._placed(_version(scene, self.arms, bases), bases, scene)[1]

    def _placed(self, version: str, bases: Sequence[Pose], scene: PlanningScene) -> tuple[RobotGroup, SceneChecker]:
        if self._known is None or self._known[0] != version:
            group = RobotGroup([PlacedRobot(arm, base) for arm, base in zip(self.arms, bases, strict=True)])
            self._known = version, group, SceneChecker(group, scene)
        return self._known[1:]

    def _check(self, request: GroupRequest, bases: Sequence[Pose]) -> None:
        names = ", ".join(arm.name for arm in self.arms)
        if not len(request.wishes) == len(bases) == len(self.arms):
            raise MotionError(
                "invalid_goal",
                f"{len(request.wishes)} goals and {len(bases)} places are given; valid: one of each for {names}",
            )
        planner(request.planner)
        check_search(request.iterations, request.seed, request.speed)
        for arm, wish in zip(self.arms, request.wishes):
            if isinstance(wish.goal, LineGoal):
                raise MotionError(
                    "invalid_goal",
                    f"'{arm.name}' is to go on a line or an arc, in a plan for several robots; valid: other goals",
                )
            with about_robot(arm):
                checked_start(arm, wish.start)


class _Part:
    """One robot of a group, as if the others were not there."""

    def __init__(self, checker: SceneChecker, group: RobotGroup, number: int, start: FloatArray) -> None:
        self.arm = group.robots[number].arm
        self._checker, self._number = checker, number
        self._columns, self._whole = group.columns(number), start.copy()

    def problem(self, position: FloatArray) -> str:
        """Return in words what is too close at joint positions (D,) of the robot; empty for nothing."""
        self._whole[self._columns] = position
        with self._checker.only(self._number):
            return self._checker.problem(self._whole)


def _columns(request: GroupRequest, group: RobotGroup) -> list[list[int]]:
    """Return for each robot which joints move, as columns of all joints."""
    made = []
    for number, (robot, wish) in enumerate(zip(group.robots, request.wishes)):
        own = list(wish.goal.columns) if isinstance(wish.goal, JointTarget) else robot.arm.tool_columns
        made.append([group.columns(number).start + column for column in own])
    return made


def _goals(
    request: GroupRequest, group: RobotGroup, checker: SceneChecker, start: FloatArray
) -> tuple[FloatArray, ...]:
    """Return positions of all joints (D,) each at which every robot is at its goal and all are clear, the nearest first."""
    each = []
    for number, wish in enumerate(request.wishes):
        part = _Part(checker, group, number, start)
        with about_robot(part.arm):
            each.append(_own_goals(part, wish, request.seed))
    most = max(int(MOST_PAIRINGS ** (1.0 / len(each)) + 1e-9), 2)
    pairings = [np.concatenate(choice) for choice in itertools.product(*(goals[:most] for goals in each))]
    pairings.sort(key=lambda position: float(np.linalg.norm(position - start)))
    free: list[FloatArray] = []
    problem = ""
    for position in pairings:
        text = checker.problem(position)
        problem = problem or text
        if not text:
            free.append(position)
        if len(free) >= MOST_CONFIGURATIONS:
            break
    if not free:
        raise MotionError(
            "collision",
            f"the goals of {group.name} cannot be had at the same time: {problem}; no robot was moved; valid: goals that leave room "
            "for each other",
        )
    return tuple(free)


def _own_goals(part: _Part, wish: RobotWish, seed: int) -> tuple[FloatArray, ...]:
    """Return joint positions (D,) each at which one robot is at its goal and clear of all but the other robots."""
    arm = part.arm
    start = np.clip(wish.start, arm.limits.lower, arm.limits.upper)
    goal = from_start(wish.goal, arm, start)
    if isinstance(goal, JointTarget):
        return (joint_goal(goal, start, part),)
    assert not isinstance(goal, LineGoal)  # checked before
    poses = PoseGoals(tuple(goal.places(seed))) if isinstance(goal, RegionGoal) else goal
    if wish.tool.cone or wish.tool.upright:
        poses = oriented(poses, wish.tool, arm.tool_pose(start))
    return pose_goals(poses, start, part, REGION_TRIES if isinstance(goal, RegionGoal) else None)


def _dynamics(request: GroupRequest, group: RobotGroup, start: FloatArray) -> InverseDynamics:
    """Return the efforts of all joints that move: no robot's motion is felt by another."""
    parts, first = [], 0
    for number, (robot, own) in enumerate(zip(group.robots, _columns(request, group))):
        columns = group.columns(number)
        efforts = inverse_dynamics(robot.arm, [column - columns.start for column in own], start[columns])
        parts.append((slice(first, first + len(own)), efforts))
        first += len(own)

    def together(position: FloatArray, velocity: FloatArray, acceleration: FloatArray) -> FloatArray:
        return np.concatenate([made(position[own], velocity[own], acceleration[own]) for own, made in parts])

    return together


def _tool_speed(request: GroupRequest, group: RobotGroup, start: FloatArray) -> GroupToolSpeed | None:
    """Return the limits of the tools' speeds; None where no tool has one."""
    parts, first = [], 0
    for number, (wish, own) in enumerate(zip(request.wishes, _columns(request, group))):
        if wish.tool.speed:
            arm, columns = group.robots[number].arm, group.columns(number)
            local = [column - columns.start for column in own]
            parts.append((list(range(first, first + len(own))), ToolSpeed(arm, local, start[columns], wish.tool.speed)))
        first += len(own)
    return GroupToolSpeed(parts) if parts else None


@contextmanager
def about_robot(arm: Arm) -> Iterator[None]:
    """Within it, an error says which robot it is about."""
    try:
        yield
    except MotionError as error:
        raise MotionError(error.reason, f"'{arm.name}': {error}", error.miss) from error


def _version(scene: PlanningScene, arms: Sequence[Arm], bases: Sequence[Pose]) -> str:
    """Return the name of a scene with the places of the robots in it."""
    digest = hashlib.sha256(scene.version.encode())
    for arm, base in zip(arms, bases):
        numbers = np.concatenate([base.position, base.rotation.ravel()])
        digest.update(arm.name.encode() + b"\0" + np.round(numbers, 6).tobytes())
    return digest.hexdigest()[:16]

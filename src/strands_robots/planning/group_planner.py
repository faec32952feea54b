"""One plan for several robots of one world: searched, checked and timed over all of their joints together. No I/O."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose
from strands_robots.motion.arm import Arm
from strands_robots.motion.move_to import JointTarget
from strands_robots.planning.goals import MOST_CONFIGURATIONS, Goal, LineGoal, from_start
from strands_robots.planning.joint_effort import InverseDynamics, inverse_dynamics
from strands_robots.planning.plan import Plan
from strands_robots.planning.planner import ITERATIONS, planner
from strands_robots.planning.planning_scene import PlanningScene
from strands_robots.planning.robot_group import PlacedRobot, RobotGroup
from strands_robots.planning.scene_checker import SceneChecker
from strands_robots.planning.scene_planner import check_search, checked_start, clear_goals, plan_of, smooth_way
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
        starts = self._check(request, bases)
        version = _version(scene, self.arms, bases)
        group, checker = self._placed(version, bases, scene)
        parts = _parts(request, group, starts)
        start = np.concatenate(starts)
        checker.start_at(start)
        checker.keep(start, *(wish.tool for wish in request.wishes))
        columns = [part.all.start + column for part in parts for column in part.moved]
        goals = _goals(parts, group, checker, start, request.seed)
        path = smooth_way(checker, columns, start[None], goals, request.planner, request.seed, request.iterations)
        speed = _tool_speed(parts)
        law = timed(request.time_law, path, group.limits, columns, request.speed, _dynamics(parts), speed)
        return replace(
            plan_of(request, self.arms[0].name, checker, start, columns, path, law),
            robots=tuple(arm.name for arm in self.arms),
            scene_version=version,
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

    def _check(self, request: GroupRequest, bases: Sequence[Pose]) -> list[FloatArray]:
        """Return each robot's start within its limits, once everything that is asked is valid."""
        names = ", ".join(arm.name for arm in self.arms)
        if not len(request.wishes) == len(bases) == len(self.arms):
            raise MotionError(
                "invalid_goal",
                f"{len(request.wishes)} goals and {len(bases)} places are given; valid: one of each for {names}",
            )
        planner(request.planner)
        check_search(request.iterations, request.seed, request.speed)
        starts = []
        for arm, wish in zip(self.arms, request.wishes):
            if isinstance(wish.goal, LineGoal):
                raise MotionError(
                    "invalid_goal",
                    f"'{arm.name}' is to go on a line or an arc, in a plan for several robots; valid: other goals",
                )
            with about_robot(arm):
                starts.append(checked_start(arm, wish.start))
        return starts


@dataclass(frozen=True, eq=False)
class _Part:
    """What a plan asks of one robot.

    Attributes:
        arm: The robot.
        wish: What is asked of it.
        start: Its joint positions (D,), within the limits.
        all: Columns of its joints among all joints.
        moved: Its joints that move, among its own.
        place: Those among all joints that move.
    """

    arm: Arm
    wish: RobotWish
    start: FloatArray
    all: slice
    moved: list[int]
    place: slice


class _Unhindered:
    """One robot of a group, within `SceneChecker.only`, as its goals are looked at."""

    def __init__(self, checker: SceneChecker, part: _Part, start: FloatArray) -> None:
        self.arm = part.arm
        self._checker, self._columns, self._whole = checker, part.all, start.copy()

    def problem(self, position: FloatArray) -> str:
        """Return in words what is too close at joint positions (D,) of the robot; empty for nothing."""
        self._whole[self._columns] = position
        return self._checker.problem(self._whole)


def _parts(request: GroupRequest, group: RobotGroup, starts: Sequence[FloatArray]) -> list[_Part]:
    parts, first = [], 0
    for number, (wish, start) in enumerate(zip(request.wishes, starts)):
        arm = group.robots[number].arm
        moved = list(wish.goal.columns) if isinstance(wish.goal, JointTarget) else arm.tool_columns
        place = slice(first, first + len(moved))
        parts.append(_Part(arm, wish, start, group.columns(number), moved, place))
        first = place.stop
    return parts


def _goals(
    parts: Sequence[_Part], group: RobotGroup, checker: SceneChecker, start: FloatArray, seed: int
) -> tuple[FloatArray, ...]:
    """Return positions of all joints (D,) each at which every robot is at its goal and all are clear, the nearest first."""
    each = []
    for number, part in enumerate(parts):
        with about_robot(part.arm), checker.only(number):
            goal = from_start(part.wish.goal, part.arm, part.start)
            alone = _Unhindered(checker, part, start)
            each.append(clear_goals(alone, goal, part.start, part.wish.tool, seed))
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


def _dynamics(parts: Sequence[_Part]) -> InverseDynamics:
    """Return the efforts of all joints that move: no robot's motion is felt by another."""
    made = [(part.place, inverse_dynamics(part.arm, part.moved, part.start)) for part in parts]

    def together(position: FloatArray, velocity: FloatArray, acceleration: FloatArray) -> FloatArray:
        return np.concatenate([efforts(position[own], velocity[own], acceleration[own]) for own, efforts in made])

    return together


def _tool_speed(parts: Sequence[_Part]) -> GroupToolSpeed | None:
    """Return the limits of the tools' speeds; None where no tool has one."""
    limits = [
        (
            list(range(part.place.start, part.place.stop)),
            ToolSpeed(part.arm, part.moved, part.start, part.wish.tool.speed),
        )
        for part in parts
        if part.wish.tool.speed
    ]
    return GroupToolSpeed(limits) if limits else None


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

"""From a request to a plan, or the reason why there is none. No I/O."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.motion.arm import Arm
from strands_robots.motion.grid_timed_path import GridTimedPath
from strands_robots.motion.move_to import SLOWEST, JointTarget
from strands_robots.motion.path import JointPath
from strands_robots.planning.checked_curve import check_step, checked_curve, first_hit
from strands_robots.planning.goals import (
    REGION_TRIES,
    Goal,
    GoalChecker,
    LineGoal,
    PoseGoals,
    RegionGoal,
    from_start,
    joint_goal,
    line_points,
    pose_goals,
)
from strands_robots.planning.joint_effort import inverse_dynamics
from strands_robots.planning.lead_in import lead_in, rate_at_start
from strands_robots.planning.oriented_goals import oriented
from strands_robots.planning.plan import Plan
from strands_robots.planning.planner import ITERATIONS, MOST_ITERATIONS, Problem, planner
from strands_robots.planning.planning_scene import PlanningScene
from strands_robots.planning.rrt_connect import without_doubles
from strands_robots.planning.scene_checker import SceneChecker
from strands_robots.planning.time_law import MARGIN, timed
from strands_robots.planning.tool_limits import ToolLimits
from strands_robots.planning.tool_speed import ToolSpeed

SEARCH_STEPS = (0.05, 0.02)
"""Largest ways of a point between two checks of a search [m], the coarse first; the last search takes that of the played curve."""

LINE_PLANNER = "straight_line"
"""Planner that a plan of a straight line names."""

_LIMIT_TOLERANCE = 0.02  # [rad] or [m]; a measured start may be a little outside, and is taken for the limit
_MOST_POINTS = 2000


@dataclass(frozen=True, eq=False)
class PlanRequest:
    """What is asked for.

    Attributes:
        goal: Where to.
        start: Joint positions (D,) [rad] or [m].
        planner: Planner by name; not used for a straight line.
        time_law: Time law by name.
        speed: Part of the velocity limits to use, 0.01 to 1.
        seed: Seed of the planner.
        iterations: Most iterations of each search.
        tool: What the tool keeps to on the whole way.
        velocity: Joint velocities (D,) at the start [rad/s] or [m/s]; None at rest. Only with the time law "toppra", and not for a line.
    """

    goal: Goal
    start: FloatArray
    planner: str
    time_law: str = "toppra"
    speed: float = 0.5
    seed: int = 0
    iterations: int = ITERATIONS
    tool: ToolLimits = field(default_factory=ToolLimits)
    velocity: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class _Alone:
    """One robot that is planned for by itself, as its goals are looked at."""

    arm: Arm
    checker: SceneChecker

    def problem(self, position: FloatArray) -> str:
        """Return in words what is too close at joint positions (D,); empty for nothing."""
        return self.checker.problem(position)


class Asked(Protocol):
    """How a plan was asked for."""

    @property
    def planner(self) -> str:
        """Planner by name."""

    @property
    def time_law(self) -> str:
        """Time law by name."""

    @property
    def speed(self) -> float:
        """Part of the velocity limits to use."""

    @property
    def seed(self) -> int:
        """Seed of the planner."""


class ScenePlanner:
    """Plans for one robot. Belongs to one thread at a time; the same request in the same scene gives the same plan.

    Args:
        arm: The robot.

    Attributes:
        arm: The robot.
    """

    def __init__(self, arm: Arm) -> None:
        self.arm = arm
        self._checker: SceneChecker | None = None

    def plan(self, request: PlanRequest, scene: PlanningScene) -> Plan:
        """Return a plan.

        Raises:
            MotionError: "invalid_goal", "unreachable", "collision" or "no_path"; the message says why, and what is valid.
            ConfigurationError: If the scene is not valid for this robot.
        """
        began = time.thread_time()
        start = self._check(request)
        checker = self.checker(scene)
        limits = self.arm.limits
        request = replace(request, goal=from_start(request.goal, self.arm, start))
        checker.start_at(start)
        checker.keep(start, request.tool)
        if isinstance(request.goal, LineGoal):
            columns = self.arm.tool_columns
            path, fraction = self._line(request.goal, start, checker)
        else:
            columns = list(request.goal.columns) if isinstance(request.goal, JointTarget) else self.arm.tool_columns
            path, fraction = self._search(request, columns, start, checker), 1.0
        dynamics = inverse_dynamics(self.arm, columns, start)
        speed = ToolSpeed(self.arm, columns, start, request.tool.speed) if request.tool.speed else None
        rate = 0.0
        if request.velocity is not None and request.velocity.any():
            fastest = MARGIN * request.speed * limits.velocity[columns]
            rate = rate_at_start(path, request.velocity[columns], fastest)
        law = timed(request.time_law, path, limits, columns, request.speed, dynamics, speed, rate)
        return replace(
            plan_of(request, self.arm.name, checker, start, columns, path, law),
            planner=LINE_PLANNER if isinstance(request.goal, LineGoal) else request.planner,
            fraction=fraction,
            tool_speed=request.tool.speed,
            most_rate=law.most_rate if request.tool.speed else 0.0,
            planning_time=time.thread_time() - began,
        )

    def checker(self, scene: PlanningScene) -> SceneChecker:
        """Return the robot in a scene; compiled anew only when the scene is another one."""
        if self._checker is None or self._checker.scene.version != scene.version:
            self._checker = SceneChecker(self.arm, scene)
        return self._checker

    def _check(self, request: PlanRequest) -> FloatArray:
        """Return the start within the limits, once everything that is asked is valid."""
        is_line = isinstance(request.goal, LineGoal)
        if not is_line:
            planner(request.planner)
        check_search(request.iterations, request.seed, request.speed)
        start = checked_start(self.arm, request.start)
        if request.velocity is None:
            return start
        if request.velocity.shape != request.start.shape or not np.isfinite(request.velocity).all():
            raise MotionError(
                "invalid_goal",
                f"velocity has {request.velocity.size} numbers; valid: {request.start.size} finite ones, as the start",
            )
        if is_line or request.time_law != "toppra":
            raise MotionError(
                "no_path", "a line, or another time law than toppra, begins at rest; valid: a start at rest"
            )
        return start

    def _search(self, request: PlanRequest, columns: list[int], start: FloatArray, checker: SceneChecker) -> JointPath:
        goals = clear_goals(_Alone(self.arm, checker), request.goal, start, request.tool, request.seed)
        begin = self._begin(request, columns, start, checker)
        return smooth_way(checker, columns, begin, goals, request.planner, request.seed, request.iterations)

    def _begin(self, request: PlanRequest, columns: list[int], start: FloatArray, checker: SceneChecker) -> FloatArray:
        """Return points (K, D) from the start to where the search begins, which are free."""
        if request.velocity is None:
            return start[None]
        points = lead_in(start, request.velocity, self.arm.limits, columns, request.speed)
        step = check_step(checker)
        is_free = checker.is_free(points[-1]) and checker.edge_is_free(points[0], points[-1], step)
        if not is_free:
            why = checker.problem(points[-1]) or "something is in between"
            raise MotionError("no_path", f"no way begins from this motion: straight on {why}; valid: a start at rest")
        return points

    def _line(self, goal: LineGoal, start: FloatArray, checker: SceneChecker) -> tuple[JointPath, float]:
        """Return the curve of a straight line or an arc, as far as it is free, and the fraction that it does."""
        if not 0.0 < goal.min_fraction <= 1.0:
            raise MotionError("invalid_goal", f"min_fraction is {goal.min_fraction:g}; valid: above 0 and up to 1")
        columns = self.arm.tool_columns
        points, fraction, why = line_points(goal, start, self.arm)
        total = (len(points) - 1) / fraction if fraction > 0.0 else np.inf
        while len(points) > 1:
            path = JointPath(points[:, columns])
            hit = first_hit(checker, path, columns, start)
            if hit is None:
                break
            last = int(np.searchsorted(path.knots, hit, side="left"))
            whole = start.copy()
            whole[columns] = path.at(np.array([hit]))[0]
            why = checker.problem(whole) or "a joint would leave its limits"
            points = points[: max(min(last, len(points) - 1), 1)]
        done = (len(points) - 1) / total
        if len(points) < 2 or done < goal.min_fraction - 1e-9:
            reason = "collision" if "would be" in why else "unreachable"
            words = "straight line" if goal.through is None else "arc"
            raise MotionError(
                reason,
                f"the {words} ends after {100.0 * done:.0f} percent: {why}; the robot was not moved; "
                f"valid: min_fraction up to {done:.2f}, or a goal that is not a line",
            )
        return JointPath(points[:, columns]), done


def clear_goals(
    part: GoalChecker, goal: Goal, start: FloatArray, tool: ToolLimits, seed: int
) -> tuple[FloatArray, ...]:
    """Return joint positions (D,) each at which one robot is at its goal and clear, the nearest to the start first.

    Args:
        part: The robot, and what is too close to it.
        goal: Where to, as `from_start` gives it; no line.
        start: Its joint positions (D,) [rad] or [m].
        tool: What its tool keeps to.
        seed: Seed of the places in a region.

    Raises:
        MotionError: As `joint_goal` and `pose_goals`.
    """
    assert not isinstance(goal, LineGoal)  # checked before
    if isinstance(goal, JointTarget):
        return (joint_goal(goal, start, part),)
    poses = PoseGoals(tuple(goal.places(seed))) if isinstance(goal, RegionGoal) else goal
    if tool.cone or tool.upright:
        poses = oriented(poses, tool, part.arm.tool_pose(start))
    return pose_goals(poses, start, part, REGION_TRIES if isinstance(goal, RegionGoal) else None)


def plan_of(
    asked: Asked,
    robot: str,
    checker: SceneChecker,
    start: FloatArray,
    columns: list[int],
    path: JointPath,
    law: GridTimedPath,
) -> Plan:
    """Return the plan of a checked and timed curve.

    Args:
        asked: How it was asked for.
        robot: The robot, or the first of several.
        checker: The robot, or robots, in the scene.
        start: Positions of all joints (D,) [rad] or [m].
        columns: Joints that move.
        path: The curve of these joints.
        law: Its time law.
    """
    scene, points = checker.scene, path.points
    return Plan(
        robot=robot,
        planner=asked.planner,
        seed=asked.seed,
        scene_version=scene.version,
        attached=tuple(sorted(held.shape.name for held in scene.attached)),
        start=start,
        joint_names=tuple(checker.arm.limits.names[column] for column in columns),
        way_points=points,
        times=law.times,
        parameters=law.parameters,
        rates=law.rates,
        time_law=asked.time_law,
        speed_scale=asked.speed,
        length=float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum()),
        direct_length=float(np.linalg.norm(points[-1] - points[0])),
        check_step=check_step(checker),
        clearance=scene.clearance,
    )


def smooth_way(
    checker: SceneChecker,
    columns: list[int],
    begin: FloatArray,
    goals: tuple[FloatArray, ...],
    name: str,
    seed: int,
    iterations: int,
) -> JointPath:
    """Return the curve of a searched way, checked as it will be played.

    Args:
        checker: The robot, or robots, in the scene; the start was taken by `start_at`.
        columns: Joints that move.
        begin: Points (K, D) from the start to where the search begins, free; one for a start at rest [rad] or [m].
        goals: Joint positions (D,) each, free; any of them will do.
        name, seed, iterations: The planner, and what it gets.

    Raises:
        MotionError: "no_path" if there is none; "invalid_goal" for a planner that is not there.
    """
    search = planner(name)
    for step in (*SEARCH_STEPS, check_step(checker)):
        problem = Problem(checker, tuple(columns), begin[-1], goals, seed, iterations, step)
        points = search.way_points(problem)
        if len(begin) > 1:
            points = without_doubles(np.concatenate([begin[:-1], points]))
        if np.linalg.norm(points[-1] - points[0]) < 1e-9 and len(points) == 2:
            return JointPath(points[:, columns])
        path = checked_curve(checker, points, columns)
        if path is not None and len(path.points) <= _MOST_POINTS:
            return path
    raise MotionError(
        "no_path",
        f"a way was found, but no smooth curve near it keeps {1e3 * checker.scene.clearance:.1f} mm away; the robot was not moved; "
        "valid: another seed or a smaller clearance",
    )


def check_search(iterations: int, seed: int, speed: float) -> None:
    """Check what a search is asked with; raises MotionError "invalid_goal" that says what is valid."""
    if not 1 <= iterations <= MOST_ITERATIONS:
        raise MotionError("invalid_goal", f"iterations is {iterations}; valid: 1 to {MOST_ITERATIONS}")
    if not 0 <= seed < 2**64:
        raise MotionError("invalid_goal", f"seed is {seed}; valid: 0 to 2^64 - 1")
    if not SLOWEST <= speed <= 1.0:
        raise MotionError("invalid_goal", f"speed is {speed:g}; valid: {SLOWEST:g} to 1")


def checked_start(arm: Arm, start: FloatArray) -> FloatArray:
    """Return a start within the limits, joint positions (D,) [rad] or [m].

    Raises:
        MotionError: "invalid_goal" if there are not as many numbers as joints, or one is not finite or outside the limits.
    """
    limits = arm.limits
    if start.shape != (len(limits.names),) or not np.isfinite(start).all():
        raise MotionError(
            "invalid_goal",
            f"start has {start.size} numbers; valid: {len(limits.names)} finite ones, for {', '.join(limits.names)}",
        )
    for name, value, low, high in zip(limits.names, start, limits.lower, limits.upper):
        if not low - _LIMIT_TOLERANCE <= value <= high + _LIMIT_TOLERANCE:
            raise MotionError("invalid_goal", f"start of '{name}' is {value:.4g}; valid: {low:.4g} to {high:.4g}")
    return np.clip(start, limits.lower, limits.upper)

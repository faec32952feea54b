"""What may be planned to, and the joint positions that this is. No I/O."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Protocol, TypeAlias

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError, UnknownNameError
from strands_robots.core.pose import Pose, interpolate, rotation_between
from strands_robots.description.robot_config import RobotConfig
from strands_robots.motion.arm import Arm
from strands_robots.motion.ik import ORIENTATION_COST, IkSolver, Orientation, PoseTarget
from strands_robots.motion.move_to import JointTarget
from strands_robots.motion.planner import LINE_STEP, LINE_TURN
from strands_robots.planning.arc import arc_through

REGION_PLACES = 32
"""Places in a region that are tried."""

REGION_TRIES = 3
"""Starts of the search for the joint positions of each of them: there are many places, and the next one may be easier."""

MOST_CONFIGURATIONS = 8
"""Most joint positions that a planner gets as goals of one request."""

_LIMIT_TOLERANCE = 1e-6  # [rad] or [m]
_FAR = 2.0  # of the reach; a pose further away than this is not looked for
_MAX_LINE_POINTS = 400
_LINE_ORIENTATION_COST = 0.01  # [m/rad]
_LINE_POSTURE_COST = 0.002  # [m/rad]
_LARGEST_JUMP = 0.5  # [rad] or [m] between two way points of a line


@dataclass(frozen=True)
class PoseGoals:
    """The tool at any one of some poses.

    Attributes:
        targets: The poses with their tolerances; the first that can be reached need not be the one that is.
        relative: For each pose, whether it is given in the tool's frame at the start; empty for none.
    """

    targets: tuple[PoseTarget, ...]
    relative: tuple[bool, ...] = ()


@dataclass(frozen=True)
class LineGoal:
    """The tool at a pose, by a straight line or by an arc.

    Attributes:
        target: The pose with its tolerances.
        min_fraction: Smallest part of the line that is worth a plan, above 0 and up to 1.
        is_relative: The pose, and the point of an arc, are given in the tool's frame at the start.
        through: A point (x, y, z) that the tool goes through on an arc of a circle [m]; None for a straight line.
    """

    target: PoseTarget
    min_fraction: float = 1.0
    is_relative: bool = False
    through: tuple[float, float, float] | None = None


@dataclass(frozen=True, eq=False)
class RegionGoal:
    """The tool anywhere in a box, with any of the orientations that its tolerance leaves.

    Attributes:
        target: The middle of the box, and the orientation with its tolerance: of its z axis alone that is a cone.
        half: Half lengths (x, y, z) of the box along the axes of the frame that the pose is given in [m].
        is_relative: That frame is the tool's at the start, not the base's.
        turn: Rotation (3, 3) of the box's axes in the base frame.
    """

    target: PoseTarget
    half: tuple[float, float, float]
    is_relative: bool = False
    turn: FloatArray = field(default_factory=lambda: np.eye(3))

    def places(self, seed: int) -> Iterator[PoseTarget]:
        """Yield poses in the box, its middle first, then seeded ones: the tolerance of the position leaves none outside."""
        random = np.random.default_rng(seed)
        half = np.maximum(np.array(self.half) - self.target.position_tolerance, 0.0)
        middle = self.target.pose
        for number in range(REGION_PLACES):
            offset = random.uniform(-half, half) if number else np.zeros(3)
            place = Pose(middle.position + self.turn @ offset, middle.rotation)
            yield replace(self.target, pose=place)


class GoalChecker(Protocol):
    """Says of one robot's joint positions whether something is too close there."""

    @property
    def arm(self) -> Arm:
        """The robot."""

    def problem(self, position: FloatArray) -> str:
        """Return in words what is too close at joint positions (D,) [rad] or [m]; empty for nothing."""


Goal: TypeAlias = JointTarget | PoseGoals | LineGoal | RegionGoal


def from_start(goal: Goal, arm: Arm, start: FloatArray) -> Goal:
    """Return a goal whose poses are all in the base frame.

    Args:
        goal: The goal.
        arm: The robot.
        start: Joint positions (D,) at which the tool's frame is taken [rad] or [m].
    """
    if isinstance(goal, LineGoal) and goal.is_relative:
        tool = arm.tool_pose(start)
        through = goal.through
        if through is not None:
            x, y, z = tool.at(Pose(np.array(through), np.eye(3))).position.tolist()
            through = (x, y, z)
        target = replace(goal.target, pose=tool.at(goal.target.pose))
        return replace(goal, target=target, is_relative=False, through=through)
    if isinstance(goal, RegionGoal) and goal.is_relative:
        tool = arm.tool_pose(start)
        target = replace(goal.target, pose=tool.at(goal.target.pose))
        return replace(goal, target=target, is_relative=False, turn=tool.rotation @ goal.turn)
    if isinstance(goal, PoseGoals) and any(goal.relative):
        tool = arm.tool_pose(start)
        pairs = zip(goal.targets, goal.relative)
        return PoseGoals(
            tuple(
                replace(target, pose=tool.at(target.pose)) if is_relative else target for target, is_relative in pairs
            )
        )
    return goal


def named_state(config: RobotConfig, name: str) -> JointTarget:
    """Return the joint positions of a named state of a robot.

    Raises:
        UnknownNameError: If the robot has none of this name; the message lists those that it has.
    """
    limits = config.limits()
    states = {"home": config.home}
    if name not in states:
        raise UnknownNameError("named state", name, states)
    columns = tuple(limits.index[joint] for joint in states[name])
    return JointTarget(columns, np.array(list(states[name].values()), dtype=np.float64))


def joint_goal(target: JointTarget, start: FloatArray, checker: GoalChecker) -> FloatArray:
    """Return the joint positions (D,) of a target, which are free.

    Raises:
        MotionError: "invalid_goal" if one is not finite or outside its limits; "collision" if something is in the way.
    """
    limits = checker.arm.limits
    for column, value in zip(target.columns, target.positions.tolist()):
        low, high = float(limits.lower[column]), float(limits.upper[column])
        if not low - _LIMIT_TOLERANCE <= value <= high + _LIMIT_TOLERANCE:
            raise MotionError(
                "invalid_goal", f"target of '{limits.names[column]}' is {value:.4g}; valid: {low:.4g} to {high:.4g}"
            )
    goal = start.copy()
    goal[list(target.columns)] = target.positions
    problem = checker.problem(goal)
    if problem:
        raise MotionError("collision", f"at the target {problem}; the robot was not moved")
    return goal


def pose_goals(
    goals: PoseGoals, start: FloatArray, checker: GoalChecker, tries: int | None = None
) -> tuple[FloatArray, ...]:
    """Return joint positions (D,) each that bring the tool to one of the poses and are free, the nearest to the start first.

    Args:
        goals: The poses.
        start: Joint positions (D,) [rad] or [m].
        checker: Says where the robot may be.
        tries: Starts of the search for the joint positions of each pose; None for all.

    Raises:
        MotionError: "unreachable" if there are none, with the nearest miss; "collision" if all of them touch something.
    """
    arm = checker.arm
    solver = _solver(arm)
    free: list[FloatArray] = []
    problem, best = "", None
    for target in goals.targets:
        if not np.linalg.norm(target.pose.position) <= _FAR * arm.reach:
            continue
        if len(free) >= MOST_CONFIGURATIONS:
            break
        for solution in islice(solver.solutions(target, start), tries):
            if best is None or solution.miss < best.miss:
                best = solution
            if not solution.is_reached:
                continue
            text = checker.problem(solution.position)
            problem = problem or text
            if not text:
                free.append(solution.position)
            if len(free) >= MOST_CONFIGURATIONS:
                break
    if free:
        return tuple(sorted(free, key=lambda position: float(np.linalg.norm(position - start))))
    if problem:
        raise MotionError("collision", f"at every way to be at the target, such as: {problem}; the robot was not moved")
    miss = (best.position_error, best.orientation_error) if best is not None else (math.inf, math.inf)
    words = (
        f"the nearest pose found misses the position by {1e3 * miss[0]:.2f} mm and the orientation by {miss[1]:.3f} rad"
        if best is not None
        else f"every pose is further away than the tool reaches ({arm.reach:.2f} m)"
    )
    raise MotionError("unreachable", f"{words}; the robot was not moved", miss if best is not None else (0.0, 0.0))


def line_points(goal: LineGoal, start: FloatArray, arm: Arm) -> tuple[FloatArray, float, str]:
    """Return way points (N, D) of a straight line or an arc of the tool, the fraction that they do, and why they end early.

    Args:
        goal: Where to.
        start: Joint positions (D,) [rad] or [m].
        arm: The robot.
    """
    solver, target = _solver(arm), goal.target
    begin = arm.tool_pose(start)
    is_free = target.orientation is Orientation.FREE
    end = Pose(target.pose.position, begin.rotation) if is_free else target.pose
    turn = rotation_between(begin.rotation, end.rotation)
    arc = None if goal.through is None else arc_through(begin.position, np.array(goal.through), end.position)
    length = float(np.linalg.norm(end.position - begin.position)) if arc is None else arc.length
    count = min(max(math.ceil(length / LINE_STEP), math.ceil(turn / LINE_TURN), 1), _MAX_LINE_POINTS)
    points = [start]
    for i in range(1, count + 1):
        place = interpolate(begin, end, i / count)
        if arc is not None:
            place = replace(place, position=arc.at(i / count))
        on_line = PoseTarget(place, target.orientation, target.position_tolerance, target.orientation_tolerance)
        solution = solver.solve(on_line, points[-1], _LINE_ORIENTATION_COST, _LINE_POSTURE_COST)
        if not solution.is_reached:
            exact = solver.solve(on_line, solution.position, ORIENTATION_COST)
            solution = exact if exact.miss < solution.miss else solution
        jump = float(np.abs(solution.position - points[-1]).max())
        if jump > _LARGEST_JUMP:
            return np.array(points), (i - 1) / count, f"a joint would have to jump by {jump:.2f}"
        if not solution.is_reached:
            miss, angle = 1e3 * solution.position_error, solution.orientation_error
            why = f"the nearest pose found misses the line by {miss:.2f} mm and {angle:.3f} rad"
            return np.array(points), (i - 1) / count, why
        points.append(solution.position)
    return np.array(points), 1.0, ""


def _solver(arm: Arm) -> IkSolver:
    if arm.tool is None:
        raise MotionError(
            "invalid_goal", f"robot '{arm.name}' has no tool_frame in its configuration; valid: joint goals"
        )
    return IkSolver(arm)

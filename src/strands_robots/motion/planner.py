"""From a target to a path that touches nothing of the robot itself, or the reason why there is none. No I/O."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose, angle_between, interpolate, quaternion_of, rotation_between, rotation_matrix
from strands_robots.motion.arm import Arm, Collision
from strands_robots.motion.ik import ORIENTATION_COST, IkSolution, IkSolver, Orientation, PoseTarget
from strands_robots.motion.move_to import JointTarget, Target
from strands_robots.motion.path import JointPath, TimedPath

VIA_POINTS = 24
"""Random way points that are tried where the direct path collides, after home."""

LINE_STEP = 0.005
"""Distance between two way points of a straight line of the tool [m]."""

LINE_TURN = 0.05
"""Largest turn between two way points of a straight line of the tool [rad]."""

_CHECK_STEP = 0.02  # [rad] or [m] of the fastest joint between two collision checks
_MAX_CHECKS = 500
_MAX_LINE_POINTS = 400
_LINE_ORIENTATION_COST = 0.01  # [m/rad]
_LINE_POSTURE_COST = 0.002  # [m/rad]
_LARGEST_JUMP = 0.5  # [rad] or [m] between two way points of a line
_DETOURS = 3  # solutions for which a way around a collision is looked for
_EXACT = 1e-5  # [m]; a solution that misses less needs no better one
_FAR = 2.0  # of the reach; a pose further away than this is not looked for, and has no near miss
_OVERSHOOT = 1e-3  # [rad] or [m]; what a curve may leave the limits by, the gate clamps it


@dataclass(frozen=True)
class PlannedMove:
    """A path that may be played.

    Attributes:
        columns: Joints that it moves.
        path: Their way from where they are to `end`.
        end: Where they end (D',) [rad] or [m].
        timed: The path with a time law of its own; None for the one that the player gives it.
    """

    columns: tuple[int, ...]
    path: JointPath
    end: FloatArray
    timed: TimedPath | None = None


class MovePlanner:
    """Plans for one robot. Belongs to one thread at a time; the same request gives the same path.

    Args:
        arm: Kinematics of the robot.
    """

    def __init__(self, arm: Arm) -> None:
        self._arm = arm
        self._solver = IkSolver(arm) if arm.tool is not None else None

    def plan(self, target: Target, start: FloatArray, *, straight: bool = False) -> PlannedMove:
        """Return the path to a target.

        Args:
            target: Where to.
            start: Set-points of all joints now (D,) [rad] or [m].
            straight: Move the tool on a straight line instead of the joints on the shortest way; only for a pose.

        Raises:
            MotionError: If there is no path: "unreachable" says by how much the target is missed, "collision" what
                would touch.
        """
        start = np.clip(start, self._arm.limits.lower, self._arm.limits.upper)
        if isinstance(target, JointTarget):
            if straight:
                raise MotionError("invalid_goal", "a straight path was asked for a joint target; valid: for a pose")
            goal = start.copy()
            goal[list(target.columns)] = target.positions
            return self._to_joints(goal, list(target.columns), start)
        if self._solver is None:
            raise MotionError(
                "invalid_goal", f"robot '{self._arm.name}' has no tool_frame in its configuration; valid: joint targets"
            )
        away, reach = float(np.linalg.norm(target.pose.position)), self._arm.reach
        if not away <= _FAR * reach:
            raise MotionError(
                "unreachable",
                f"the pose is {away:.4g} m from the base, and the tool reaches no further than {reach:.2f} m; the robot was not moved",
                target.errors(self._arm.tool_pose(start)),
            )
        return self._on_line(self._solver, target, start) if straight else self._to_pose(self._solver, target, start)

    def _to_joints(self, goal: FloatArray, columns: list[int], start: FloatArray) -> PlannedMove:
        at_start = self._arm.contacts(start)
        end_collision = self._arm.collision(goal, at_start)
        if end_collision is not None:
            raise MotionError("collision", f"at the target {end_collision}; the robot was not moved")
        first_hit = ""
        for via in self._via_points(start, goal, columns):
            path = JointPath(np.array([start, *via, goal])[:, columns])
            hit = self._first_hit(path, columns, start, at_start)
            if not hit:
                return PlannedMove(tuple(columns), path, goal[columns])
            first_hit = first_hit or hit
        raise MotionError(
            "collision",
            f"{first_hit}, and no way around was found; the robot was not moved; valid: a way in several moves",
        )

    def _to_pose(self, solver: IkSolver, target: PoseTarget, start: FloatArray) -> PlannedMove:
        columns = self._arm.tool_columns
        reached: list[IkSolution] = []
        misses: list[IkSolution] = []
        best: IkSolution | None = None
        for solution in solver.solutions(target, start):
            if best is None or solution.miss < best.miss:
                best = solution
            if not solution.is_reached:
                misses.append(solution)
                continue
            if solution.miss < _EXACT and (move := self._directly(solution.position, columns, start)) is not None:
                return move
            reached.append(solution)
        assert best is not None  # the present joint positions are always tried
        if not reached:
            best = self._free(misses, start) or best
            raise MotionError("unreachable", self._missed(target, best), (best.position_error, best.orientation_error))
        reached.sort(key=lambda solution: solution.miss > _EXACT)
        for solution in reached:
            if (move := self._directly(solution.position, columns, start)) is not None:
                return move
        problems: list[MotionError] = []
        for solution in reached[:_DETOURS]:
            try:
                return self._to_joints(solution.position, columns, start)
            except MotionError as error:
                problems.append(error)
        raise problems[0]

    def _free(self, misses: list[IkSolution], start: FloatArray) -> IkSolution | None:
        """Return the nearest of some poses in which the robot touches nothing; None when it would in all of them."""
        at_start = self._arm.contacts(start)
        for solution in sorted(misses, key=lambda solution: solution.miss):
            if self._arm.collision(solution.position, at_start) is None:
                return solution
        return None

    def _directly(self, goal: FloatArray, columns: list[int], start: FloatArray) -> PlannedMove | None:
        """Return the shortest way of the joints; None when something would touch."""
        at_start = self._arm.contacts(start)
        path = JointPath(np.array([start, goal])[:, columns])
        is_free = self._arm.collision(goal, at_start) is None and not self._first_hit(path, columns, start, at_start)
        return PlannedMove(tuple(columns), path, goal[columns]) if is_free else None

    def _on_line(self, solver: IkSolver, target: PoseTarget, start: FloatArray) -> PlannedMove:
        arm, columns = self._arm, self._arm.tool_columns
        begin = arm.tool_pose(start)
        end = _line_end(begin, target)
        turn = 0.0 if target.orientation is Orientation.FREE else rotation_between(begin.rotation, end.rotation)
        length = float(np.linalg.norm(end.position - begin.position))
        count = min(max(math.ceil(length / LINE_STEP), math.ceil(turn / LINE_TURN), 1), _MAX_LINE_POINTS)
        points = [start]
        for i in range(1, count + 1):
            on_line = PoseTarget(
                interpolate(begin, end, i / count),
                target.orientation,
                target.position_tolerance,
                target.orientation_tolerance,
            )
            # On the way the tool keeps to the line, and turns as far as the arm allows.
            cost = ORIENTATION_COST if i == count else _LINE_ORIENTATION_COST
            solution = solver.solve(on_line, points[-1], cost, _LINE_POSTURE_COST)
            if i == count:
                exact = solver.solve(on_line, solution.position)
                if np.abs(exact.position - points[-1]).max() < _LARGEST_JUMP and exact.miss < solution.miss:
                    solution = exact
            jump = float(np.abs(solution.position - points[-1]).max())
            is_last_missed = i == count and not solution.is_reached
            if solution.position_error > target.position_tolerance or is_last_missed or jump > _LARGEST_JUMP:
                why = (
                    f"a joint would have to jump by {jump:.2f}"
                    if jump > _LARGEST_JUMP
                    else self._missed(on_line, solution)
                )
                raise MotionError(
                    "unreachable",
                    f"the straight line of {length:.3f} m ends after {100.0 * i / count:.0f} percent: {why}; "
                    "valid: straight = false, or a nearer pose",
                    target.errors(arm.tool_pose(solution.position)),
                )
            points.append(solution.position)
        path = JointPath(np.array(points)[:, columns])
        hit = self._first_hit(path, columns, start, arm.contacts(start))
        if hit:
            raise MotionError("collision", f"{hit}; the robot was not moved; valid: straight = false, or another pose")
        return PlannedMove(tuple(columns), path, points[-1][columns])

    def _via_points(self, start: FloatArray, goal: FloatArray, columns: list[int]) -> Iterator[list[FloatArray]]:
        """Yield the ways to try, each as its points between start and goal."""
        yield []
        limits = self._arm.limits
        home = start.copy()
        for name, value in self._arm.config.home.items():
            if limits.index[name] in columns:
                home[limits.index[name]] = value
        yield [home]
        rng = np.random.default_rng(0)
        low, high = np.maximum(limits.lower[columns], -np.pi), np.minimum(limits.upper[columns], np.pi)
        for i in range(VIA_POINTS):
            via = (start + goal) / 2.0
            # Near the direct way first, then anywhere.
            share = (i + 1) / VIA_POINTS
            via[columns] = (1.0 - share) * via[columns] + share * rng.uniform(low, high)
            yield [via]

    def _first_hit(
        self, path: JointPath, columns: list[int], start: FloatArray, at_start: dict[tuple[int, int], float]
    ) -> str:
        """Return where the path first collides or leaves the limits, in words; empty when it does not."""
        limits = self._arm.limits
        travel = np.abs(np.diff(path.points, axis=0)).sum(axis=0).max()
        count = min(max(math.ceil(float(travel) / _CHECK_STEP), 8), _MAX_CHECKS)
        fractions = np.linspace(0.0, 1.0, count + 1, dtype=np.float64)
        rows = path.at(fractions)
        over = (rows < limits.lower[columns] - _OVERSHOOT) | (rows > limits.upper[columns] + _OVERSHOOT)
        if over.any():
            row, column = (int(i) for i in np.argwhere(over)[0])
            joint, percent = limits.names[columns[column]], 100.0 * fractions[row]
            return f"'{joint}' would leave its limits after {percent:.0f} percent of the way"
        position = start.copy()
        for fraction, row_values in zip(fractions, rows):
            position[columns] = row_values
            collision: Collision | None = self._arm.collision(position, at_start)
            if collision is not None:
                return f"after {100.0 * fraction:.0f} percent of the way {collision}"
        return ""

    def _missed(self, target: PoseTarget, best: IkSolution) -> str:
        miss, valid = 1e3 * best.position_error, 1e3 * target.position_tolerance
        text = f"the nearest pose found misses the position by {miss:.2f} mm (valid: up to {valid:.1f})"
        if target.orientation is not Orientation.FREE:
            angle, valid = best.orientation_error, target.orientation_tolerance
            text += f" and the orientation by {angle:.3f} rad (valid: up to {valid:.3f})"
            joints = len(self._arm.tool_columns)
            if best.position_error <= target.position_tolerance or joints < 6:
                text += f"; {joints} joints move the tool: an axis, a free orientation or a larger tolerance may do"
        return f"{text}; {self._nearest(target, best)}; the robot was not moved"

    def _nearest(self, target: PoseTarget, best: IkSolution) -> str:
        """Return the pose that the robot can have instead, in words: what a next goal may ask for."""
        pose = self._arm.tool_pose(best.position)
        place = ", ".join(f"{value:.4f}" for value in pose.position)
        words = f"the nearest reachable pose found is position ({place}) m in the base frame"
        if target.orientation is Orientation.FREE:
            return words
        turn = ", ".join(f"{value:.4f}" for value in quaternion_of(pose.rotation))
        return f"{words} with orientation ({turn}) as x, y, z, w"


def _line_end(begin: Pose, target: PoseTarget) -> Pose:
    """Return the pose at the end of a line; where the asker leaves the rotation free, nearest to the beginning's."""
    if target.orientation is Orientation.FULL:
        return target.pose
    if target.orientation is Orientation.FREE:
        return Pose(target.pose.position, begin.rotation)
    angle = angle_between(begin.axis, target.pose.axis)
    normal = np.cross(begin.axis, target.pose.axis)
    length = float(np.linalg.norm(normal))
    # Opposite axes: any axis across them will do.
    across = np.asarray(normal / length if length > 1e-9 else begin.rotation[:, 0], dtype=np.float64)
    return Pose(target.pose.position, rotation_matrix(angle * across) @ begin.rotation)

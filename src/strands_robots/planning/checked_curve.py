"""From way points to the smooth curve that is played, checked as it is played. No I/O."""

from __future__ import annotations

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.motion.arm import CLEARANCE
from strands_robots.motion.path import JointPath
from strands_robots.planning.scene_checker import STEP_MARGIN, SceneChecker

FINEST_STEP = 0.001
"""Smallest way of a point between two checks of the played curve [m]."""

_ROUNDS = 60
_SMALLEST_SPAN = 2e-3  # [rad] or [m]; way points are never closer
_OVERSHOOT = 1e-3  # [rad] or [m]; what a curve may leave the limits by, the gate clamps it
_LOOK = 0.05  # [rad] or [m] of a joint between two looks at how far points move
_MOST_LOOKS = 33  # in a span


def check_step(checker: SceneChecker) -> float:
    """Return the largest way of any point between two checks of the played curve [m].

    It is twice the smaller of the clearances from the surroundings and of the robot's parts from each other: two neighbours that keep
    them leave nothing to touch in between. Of several robots two may come towards each other, so it is half of that.
    """
    sides = 1.0 if len(checker.arm.prefixes) > 1 else 2.0
    return max(sides * min(checker.scene.clearance, CLEARANCE), FINEST_STEP)


def checked_curve(checker: SceneChecker, points: FloatArray, columns: list[int]) -> JointPath | None:
    """Return a free, smooth curve (D',) through way points, or None where there is none.

    Where the spline through the points leaves their straight lines too far, the lines get more points.

    Args:
        checker: The robot in its scene.
        points: Way points (N, D) whose straight lines are free [rad] or [m].
        columns: Joints that move.
    """
    for _ in range(_ROUNDS):
        path = JointPath(points[:, columns])
        hit = first_hit(checker, path, columns, points[0])
        if hit is None:
            return path
        span = int(np.clip(np.searchsorted(path.knots, hit, side="right") - 1, 0, len(points) - 2))
        lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
        near = [k for k in (span - 1, span, span + 1) if 0 <= k < len(lengths) and lengths[k] > _SMALLEST_SPAN]
        if span not in near:
            return None
        # More points bring the curve nearer to its lines; where these are not free at this step, no points help.
        if not checker.edge_is_free(points[span], points[span + 1], check_step(checker)):
            return None
        for k in reversed(near):
            points = np.insert(points, k + 1, 0.5 * (points[k] + points[k + 1]), axis=0)
    return None


def first_hit(
    checker: SceneChecker, path: JointPath, columns: list[int], start: FloatArray, step: float = 0.0
) -> float | None:
    """Return a path parameter at which a curve is not free or leaves the limits, or None.

    Args:
        checker: The robot in its scene.
        path: The curve (D',).
        columns: Its joints.
        start: Positions (D,) of all joints; the others stay there [rad] or [m].
        step: Largest way of any point between two checks [m]; 0 takes `check_step`.
    """
    limits = checker.arm.limits
    parameters = stops(path, checker, columns, start, step or check_step(checker))
    rows = path.at(parameters)
    over = (rows < limits.lower[columns] - _OVERSHOOT) | (rows > limits.upper[columns] + _OVERSHOOT)
    if over.any():
        return float(parameters[int(np.argmax(over.any(axis=1)))])
    hit = checker.are_free(_whole(rows, columns, start))
    return None if hit < 0 else float(parameters[hit])


def stops(path: JointPath, checker: SceneChecker, columns: list[int], start: FloatArray, step: float) -> FloatArray:
    """Return path parameters (M,) from 0 to 1 between two of which no point moves further than `step` [m].

    Args:
        path: The curve (D',).
        checker: The robot in its scene.
        columns: The curve's joints.
        start: Positions (D,) of all joints; the others stay there [rad] or [m].
        step: Largest way [m].
    """
    longest = float(np.abs(np.diff(path.points, axis=0)).max())
    s = np.unique(path.samples(min(int(longest / _LOOK) + 3, _MOST_LOOKS)))
    ways = checker.ways(_whole(path.at(s), columns, start))
    way = np.concatenate([[0.0], np.cumsum(ways)])
    count = int(np.ceil(way[-1] / (STEP_MARGIN * step))) + 1
    return np.concatenate([[0.0], np.interp(np.linspace(0.0, way[-1], count + 1)[1:-1], way, s), [1.0]])


def _whole(rows: FloatArray, columns: list[int], start: FloatArray) -> FloatArray:
    whole = np.tile(start, (len(rows), 1))
    whole[:, columns] = rows
    return whole

"""RRT-Connect with shortcuts: two trees that grow towards each other, then the corners are cut. No I/O.

Source: Kuffner and LaValle 2000, "RRT-Connect: an efficient approach to single-query path planning"; Geraerts and Overmars 2007,
"Creating high-quality paths for motion planning" for the shortcuts, those of one joint ("partial shortcuts") included.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.planning.planner import Problem
from strands_robots.planning.scene_checker import SceneChecker

RANGE = 0.6
"""Longest edge of a tree [rad] or [m], over all joints."""

LEVEL_RANGE = 0.15
"""The same where the tool keeps to something narrow, as upright: between two places that do, a longer edge would not."""

SHORT = 0.25
"""Part of an edge that is tried where the whole one is not free: so a tree grows in narrow places too."""

SHORTCUT_STEP = 0.7
"""Part of the step of the search at which shortcuts are checked: they are few, and most of the way is made of them."""

SHORTCUTS = 200
"""Shortcuts that are tried."""

_IDLE_SHORTCUTS = 60  # in a row without one that shortens the path; then no more are tried
_ONE_JOINT = (
    0.7  # of the shortcuts are of one joint: 42 ways of the UR5 are 1.12 times the straight one, 1.19 without them
)
_LEAST_GAIN = 5e-3  # of the path's length; a shortcut that saves less is not worth its checks
_LEAST_PROGRESS = 0.1  # of an edge, towards the other tree
_TREE = 256  # nodes that a tree has room for at first


class RrtConnect:
    """The default planner: deterministic for a seed, bounded by iterations, never by the clock."""

    def way_points(self, problem: Problem) -> FloatArray:
        """Return a way; see `Planner`."""
        search = _Search(problem)
        return shortened(problem, search.run(), search.rng)


class _Tree:
    """Nodes (N, D') with their parents."""

    def __init__(self, roots: FloatArray) -> None:
        count, width = roots.shape
        self._nodes: FloatArray = np.empty((max(_TREE, 2 * count), width))
        self._nodes[:count] = roots
        self._parents = [-1] * count

    def __len__(self) -> int:
        return len(self._parents)

    def nearest(self, point: FloatArray) -> tuple[int, float]:
        """Return the nearest node and its distance."""
        away = self._nodes[: len(self._parents)] - point
        squares = np.einsum("ij,ij->i", away, away)
        number = int(squares.argmin())
        return number, math.sqrt(float(squares[number]))

    def add(self, point: FloatArray, parent: int) -> int:
        count = len(self._parents)
        if count == len(self._nodes):
            self._nodes = np.concatenate([self._nodes, np.empty_like(self._nodes)])
        self._nodes[count] = point
        self._parents.append(parent)
        return count

    def node(self, number: int) -> FloatArray:
        point: FloatArray = self._nodes[number]
        return point

    def branch(self, number: int) -> list[FloatArray]:
        """Return the nodes from `number` to its root."""
        points = []
        while number >= 0:
            points.append(self._nodes[number].copy())
            number = self._parents[number]
        return points


class _Search:
    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._columns = list(problem.columns)
        self._full = problem.start.copy()
        self.rng = np.random.default_rng(problem.seed)
        self._range = LEVEL_RANGE if any(each.is_narrow for each in problem.checker.constraints) else RANGE

    def run(self) -> FloatArray:
        problem, columns = self._problem, self._columns
        starts = _Tree(problem.start[None, columns])
        goals = _Tree(np.array([goal[columns] for goal in problem.goals]))
        grown, other, is_swapped = starts, goals, False
        lower, upper = problem.lower, problem.upper
        for goal in problem.goals:
            if self._is_free(problem.start[columns], goal[columns]):
                return self._whole([problem.start[columns], goal[columns]])
        for _ in range(problem.iterations):
            sample = self._projected(self.rng.uniform(lower, upper))
            added = self._extend(grown, sample)
            if added >= 0:
                met = self._connect(other, grown.node(added))
                if met >= 0:
                    ahead, behind = grown.branch(added), other.branch(met)
                    if is_swapped:
                        ahead, behind = behind, ahead
                    return self._whole([*reversed(ahead), *behind[1:]])
            # The smaller tree grows, so that neither swallows all samples; one that is stuck lets the other have a turn.
            if len(other) < len(grown) or added < 0:
                grown, other, is_swapped = other, grown, not is_swapped
        raise MotionError(
            "no_path",
            f"no way was found within {problem.iterations} iterations; the robot was not moved; valid: more iterations, another seed, "
            "another goal or fewer obstacles",
        )

    def _extend(self, tree: _Tree, towards: FloatArray) -> int:
        nearest, length = tree.nearest(towards)
        if length < 1e-9:
            return -1
        begin = tree.node(nearest)
        for part in (1.0, SHORT):
            end = towards
            if length > part * self._range:
                end = self._projected(begin + (towards - begin) * (part * self._range / length))
            if self._is_free(begin, end):
                return tree.add(end, nearest)
        return -1

    def _connect(self, tree: _Tree, target: FloatArray) -> int:
        """Grow a tree straight to a target; return its node there, or -1 where something is in between."""
        number, before = tree.nearest(target)[0], np.inf
        while True:
            begin = tree.node(number)
            way = target - begin
            length = float(np.linalg.norm(way))
            if length < 1e-9:
                return number
            if length > before - _LEAST_PROGRESS * self._range:
                return -1  # the projection took back what the step had gained
            before = length
            end = target if length <= self._range else self._projected(begin + way * (self._range / length))
            if not self._is_free(begin, end):
                return -1
            number = tree.add(end.copy(), number)
            if length <= self._range:
                return number

    def _projected(self, point: FloatArray) -> FloatArray:
        """Return a place (D',) near another at which the tool keeps to its limits, where it has any."""
        checker = self._problem.checker
        if not checker.constraints:
            return point
        whole = self._full.copy()
        whole[self._columns] = point
        projected: FloatArray = checker.projected(whole, self._columns)[self._columns]
        return projected

    def _is_free(self, first: FloatArray, second: FloatArray) -> bool:
        """Return whether an edge (D',) and its end are free."""
        begin, end = self._full.copy(), self._full.copy()
        begin[self._columns], end[self._columns] = first, second
        checker = self._problem.checker
        return checker.is_free(end) and checker.edge_is_free(begin, end, self._problem.step)

    def _whole(self, points: list[FloatArray]) -> FloatArray:
        whole = np.tile(self._full, (len(points), 1))
        whole[:, self._columns] = points
        return whole


def shortened(problem: Problem, points: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return a path (N, D) with its detours cut, where what takes their place is free.

    Between two random places either all joints go straight, or one joint does and the others keep to the path. The second
    takes out what a joint does for nothing, as turning a wrist once around, where the others have to go their way.

    Args:
        problem: What the path was found for.
        points: The path (N, D) [rad] or [m].
        rng: Random numbers.
    """
    checker, step = problem.checker, SHORTCUT_STEP * problem.step
    points = _without_corners(checker, points, step)
    idle = 0
    for _ in range(SHORTCUTS):
        if len(points) < 3 or idle >= _IDLE_SHORTCUTS:
            break
        lengths = _lengths(points)
        low, high = np.sort(rng.uniform(0.0, lengths[-1], 2))
        # Corners are the best ends of a shortcut; half of the time the nearest ones are taken.
        if rng.random() < 0.5:
            low, high = (lengths[np.abs(lengths - s).argmin()] for s in (low, high))
        before, after = (
            int(np.searchsorted(lengths, low, side="right")),
            int(np.searchsorted(lengths, high, side="left")),
        )
        if after <= before:
            continue  # no corner is between them
        ends = [_at(points, lengths, s) for s in (low, high)]
        if rng.random() < _ONE_JOINT:
            column = int(rng.choice(problem.columns))
            straight = _straight_in(column, np.array([ends[0], *points[before:after], ends[1]]))
        else:
            straight = np.array(ends)
        gain = (high - low) - float(_lengths(straight)[-1])
        if gain < _LEAST_GAIN * lengths[-1]:
            continue
        idle += 1
        if all(checker.is_free(point) for point in straight) and all(
            checker.edge_is_free(first, second, step) for first, second in pairwise(straight)
        ):
            points = without_doubles(np.concatenate([points[:before], straight, points[after:]]))
            idle = 0
    return points


def _lengths(points: FloatArray) -> FloatArray:
    """Return how long a path (N, D) is up to each of its points (N,), over all joints."""
    lengths: FloatArray = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    return lengths


def _straight_in(column: int, points: FloatArray) -> FloatArray:
    """Return a path (N, D) on which one joint goes evenly from its first position to its last, over the path's length."""
    along = _lengths(points)
    straight: FloatArray = points.copy()
    straight[:, column] = np.interp(along, along[[0, -1]], points[[0, -1], column])
    return straight


def _without_corners(checker: SceneChecker, points: FloatArray, step: float) -> FloatArray:
    """Return a path (N, D) that goes from each of its corners straight to the last one that can be reached so."""
    kept, here = [0], 0
    while here < len(points) - 1:
        ahead = range(len(points) - 1, here + 1, -1)
        here = next((there for there in ahead if checker.edge_is_free(points[here], points[there], step)), here + 1)
        kept.append(here)
    straightened: FloatArray = points[kept]
    return straightened


def _at(points: FloatArray, lengths: FloatArray, s: float) -> FloatArray:
    k = int(np.clip(np.searchsorted(lengths, s, side="right") - 1, 0, len(points) - 2))
    width = lengths[k + 1] - lengths[k]
    place: FloatArray = points[k] + (points[k + 1] - points[k]) * ((s - lengths[k]) / width if width > 0.0 else 0.0)
    return place


def without_doubles(points: FloatArray) -> FloatArray:
    """Return a path (N, D) without points that are where the one before them is."""
    keep = np.concatenate([[True], np.linalg.norm(np.diff(points, axis=0), axis=1) > 1e-9])
    kept: FloatArray = points[keep]
    return kept

"""One robot's part of a timed path of several robots: the law, its chunks and their brakes are those of the whole. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

from strands_robots.core.arrays import FloatArray
from strands_robots.core.types import JointLimits
from strands_robots.motion.path import ROW_PERIOD, TimedPath


class PartTimedPath(TimedPath):
    """Some columns of a timed path, by the clock of all of them.

    Robots that brake each by a law of its own leave the curve that was checked for all of them. So a brake, and the rest of a path
    after a delay, is the same for every part that asks at the same time.

    Args:
        whole: The path of all robots.
        limits: Limits of all joints of all robots.
        columns: Which of them the whole path moves.
        own: Which columns of the whole path are this part's.
    """

    def __init__(self, whole: TimedPath, limits: JointLimits, columns: list[int], own: Sequence[int]) -> None:
        self.path = whole.path.part(own)
        self.start, self.duration, self.most_rate = whole.start, whole.duration, whole.most_rate
        self._whole, self._limits, self._columns, self._own = whole, limits, columns, list(own)

    def parameter(self, time: float) -> float:
        """Return the path parameter at `time` [s] after the start."""
        return self._whole.parameter(time)

    def at(self, times: FloatArray) -> FloatArray:
        """Return the positions (M, D') at `times` (M,) [s] after the start, held before it and after the end."""
        positions: FloatArray = self._whole.at(times)[:, self._own]
        return positions

    def resumed(self, time: float, limits: JointLimits, columns: list[int], speed: float) -> TimedPath:
        """Return a time law for the rest of the path, the same for every part; see `TimedPath`."""
        rest = self._whole.resumed(time, self._limits, self._columns, speed)
        return PartTimedPath(rest, self._limits, self._columns, self._own)

    def rows(self, time: float, ahead: float, period: float = ROW_PERIOD) -> tuple[FloatArray, float]:
        """Return the rows of a chunk and the time that its last one belongs to; see `TimedPath`."""
        rows, end = self._whole.rows(time, ahead, period)
        return rows[:, self._own], end

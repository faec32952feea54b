"""Smooth paths of joints and their time law: from rest to rest within limits, to be stopped anywhere. No I/O."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ShapeError
from strands_robots.core.types import JointLimits

MARGIN = 0.9
"""Part of the limits that a motion at full speed uses; the rest is for the interpolation between rows."""

MIN_DURATION = 0.1
"""Shortest motion [s]."""

ROW_PERIOD = 0.02
"""Time between two rows of a chunk [s]."""

QUINTIC_PEAK = 1.875
"""Largest slope of the quintic, in 1 / duration."""

_SAMPLES = 400
_INTERVAL_SAMPLES = 9
_FIRST_BRAKE = 0.06  # [s]
_LONGER_BRAKE = 1.4


class JointPath:
    """A curve through way points, twice continuously differentiable; two way points are a straight line.

    Attributes:
        points: Way points (N, D) [rad] or [m], N >= 2.
        knots: Path parameters (N,) of the way points, from 0 to 1.

    Raises:
        ShapeError: If there are fewer than two way points.

    Source: natural cubic spline; de Boor 1978, "A practical guide to splines", chapter IV.
    """

    def __init__(self, points: FloatArray) -> None:
        if points.ndim != 2 or len(points) < 2:
            raise ShapeError(f"way points have shape {points.shape}; valid: (N, D) with N >= 2")
        self.points = points
        lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
        # Way points that coincide still get a little of the parameter, so that it increases.
        lengths = np.maximum(lengths, 1e-6 * max(float(lengths.sum()), 1e-9))
        self.knots: FloatArray = np.concatenate([[0.0], np.cumsum(lengths)]) / lengths.sum()
        self._curvature = _natural_curvature(self.knots, points)

    def part(self, columns: Sequence[int]) -> JointPath:
        """Return some columns of this curve by the same parameter: exactly what these joints do on it."""
        made = copy.copy(self)
        made.points = self.points[:, list(columns)]
        made._curvature = self._curvature[:, list(columns)]
        return made

    def at(self, s: FloatArray) -> FloatArray:
        """Return the positions (M, D) at path parameters (M,) from 0 to 1."""
        s = np.clip(s, 0.0, 1.0)
        k = np.clip(np.searchsorted(self.knots, s, side="right") - 1, 0, len(self.knots) - 2)
        width = (self.knots[k + 1] - self.knots[k])[:, None]
        b = (s - self.knots[k])[:, None] / width
        a = 1.0 - b
        bend = (a**3 - a) * self._curvature[k] + (b**3 - b) * self._curvature[k + 1]
        positions: FloatArray = a * self.points[k] + b * self.points[k + 1] + bend * width**2 / 6.0
        return positions

    def derivatives(self, s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the first and second derivatives (M, D) by the path parameter, at parameters (M,) from 0 to 1."""
        k = np.clip(np.searchsorted(self.knots, s, side="right") - 1, 0, len(self.knots) - 2)
        width = (self.knots[k + 1] - self.knots[k])[:, None]
        b = (s - self.knots[k])[:, None] / width
        a = 1.0 - b
        low, high = self._curvature[k], self._curvature[k + 1]
        slope = (self.points[k + 1] - self.points[k]) / width
        slope += width / 6.0 * ((3.0 * b**2 - 1.0) * high - (3.0 * a**2 - 1.0) * low)
        return slope, a * low + b * high

    def samples(self, count: int) -> FloatArray:
        """Return parameters (M,), `count` in each interval between two way points."""
        parts = np.linspace(0.0, 1.0, count, dtype=np.float64)
        return (self.knots[:-1, None] + np.diff(self.knots)[:, None] * parts).ravel()


class TimedPath:
    """A path with a time law: a quintic from rest to rest, as slow as the limits ask for.

    Attributes:
        path: The curve.
        start: Path parameter at time 0; above 0 for the rest of a path.
        duration: Time from start to end [s].
        most_rate: Largest rate of the parameter, also after a delay [1/s].
    """

    def __init__(
        self,
        path: JointPath,
        limits: JointLimits,
        columns: list[int],
        speed: float,
        start: float = 0.0,
        most_rate: float = math.inf,
    ) -> None:
        """Plan.

        Args:
            path: The curve of the joints in `columns`.
            limits: Limits of all joints of the robot.
            columns: Which joints the path moves.
            speed: Part of the velocity limits to use, above 0 and up to 1; accelerations follow with its square.
            start: Path parameter to start from.
            most_rate: Largest rate of the parameter [1/s].
        """
        self.path = path
        self.start = start
        self.most_rate = most_rate
        self._velocity = limits.velocity[columns]
        self._acceleration = limits.acceleration[columns]
        first, second = self._steepest()
        fastest = float((first / (MARGIN * self._velocity)).max())
        hardest = math.sqrt(float((second / (MARGIN * self._acceleration)).max()))
        self.duration = max(fastest, hardest, MIN_DURATION * speed) / speed
        self.duration = max(self.duration, QUINTIC_PEAK * (1.0 - start) / most_rate)

    def _steepest(self) -> tuple[FloatArray, FloatArray]:
        """Return the largest absolute first and second derivatives (D,) by the time, in durations."""
        tau = np.linspace(0.0, 1.0, _SAMPLES + 1, dtype=np.float64)
        left = 1.0 - self.start
        s = self.start + left * quintic(tau)
        if left > 0.0:
            # Between way points that are close together the curve bends hardest, in less than a sample: exactly there it is looked at.
            within = self.path.samples(_INTERVAL_SAMPLES)
            within = within[within > self.start]
            tau = np.concatenate([tau, np.interp((within - self.start) / left, quintic(tau), tau)])
            s = np.concatenate([s, within])
        rate = (left * 30.0 * tau**2 * (1.0 - tau) ** 2)[:, None]
        bend = (left * 60.0 * tau * (1.0 - tau) * (1.0 - 2.0 * tau))[:, None]
        slope, curvature = self.path.derivatives(s)
        first = np.abs(slope * rate).max(axis=0)
        second = np.abs(curvature * rate**2 + slope * bend).max(axis=0)
        return first, second

    def parameter(self, time: float) -> float:
        """Return the path parameter at `time` [s] after the start."""
        return self.start + (1.0 - self.start) * float(quintic(np.array([time / self.duration]))[0])

    def at(self, times: FloatArray) -> FloatArray:
        """Return the positions (M, D) at `times` (M,) [s] after the start, held before it and after the end."""
        return self.path.at(self.start + (1.0 - self.start) * quintic(times / self.duration))

    def resumed(self, time: float, limits: JointLimits, columns: list[int], speed: float) -> TimedPath:
        """Return a time law for the rest of the path, from rest where the path is at `time` [s]; see `__init__`."""
        return TimedPath(self.path, limits, columns, speed, self.parameter(time), self.most_rate)

    def rows(self, time: float, ahead: float, period: float = ROW_PERIOD) -> tuple[FloatArray, float]:
        """Return the rows of a chunk that goes on for a while and then brakes to rest on the path, or reaches its end.

        So a robot that hears nothing more comes to rest smoothly, and on the path. With `ahead` 0 it is a stop.

        Args:
            time: Time of the first row [s] after the start.
            ahead: How long to go on [s].
            period: Time between two rows [s].

        Returns:
            Rows (H, D), and the time [s] on this path that the last row belongs to.
        """
        left = self.duration - time
        if ahead < left:
            brake = _FIRST_BRAKE
            while brake / 2.0 + ahead < left:
                rows, end = self._braking(time, ahead, brake, period)
                before = self.at(np.array([time - period]))
                if self._is_within_limits(np.concatenate([before, rows, rows[-1:]]), period):
                    return rows, end
                brake *= _LONGER_BRAKE
        count = max(math.ceil(left / period - 1e-9), 0) + 1
        return self.at(time + np.arange(count, dtype=np.float64) * period), self.duration

    def _braking(self, time: float, ahead: float, brake: float, period: float) -> tuple[FloatArray, float]:
        """Rows whose time runs at full rate for `ahead` and then ever slower, to a standstill after `brake` [s]."""
        count = math.ceil((ahead + brake) / period - 1e-9) + 1
        after = np.clip((np.arange(count) * period - ahead) / brake, 0.0, 1.0)
        # The rate falls as 1 - 3 x^2 + 2 x^3, without a step in its slope.
        lost = brake * (after - (after - after**3 + 0.5 * after**4))
        times: FloatArray = time + np.minimum(np.arange(count) * period, ahead + brake) - lost
        return self.at(times), time + ahead + brake / 2.0

    def _is_within_limits(self, rows: FloatArray, period: float) -> bool:
        acceleration = np.abs(np.diff(rows, n=2, axis=0)) / period**2
        return bool((acceleration <= self._acceleration).all())


def quintic(tau: FloatArray) -> FloatArray:
    """Return the quintic from 0 to 1 with vanishing first and second derivatives at both ends, at `tau` (M,).

    Source: Flash and Hogan 1985, minimum-jerk motion.
    """
    tau = np.clip(tau, 0.0, 1.0)
    value: FloatArray = tau**3 * (10.0 + tau * (-15.0 + 6.0 * tau))
    return value


def _natural_curvature(knots: FloatArray, points: FloatArray) -> FloatArray:
    """Second derivatives (N, D) at the knots (N,) of the natural cubic spline."""
    curvature = np.zeros_like(points)
    count = len(knots)
    if count < 3:
        return curvature
    width = np.diff(knots)
    slope = np.diff(points, axis=0) / width[:, None]
    matrix = np.diag(2.0 * (width[:-1] + width[1:])) + np.diag(width[1:-1], 1) + np.diag(width[1:-1], -1)
    curvature[1:-1] = np.linalg.solve(matrix, 6.0 * np.diff(slope, axis=0))
    return curvature

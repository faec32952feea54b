"""Monotone cubic interpolation of a chunk's rows: smooth, and never outside the interval between two rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from strands_robots.control import inner_loop
from strands_robots.core.arrays import FloatArray


def monotone_slopes(rows: FloatArray) -> FloatArray:
    """Return the slope at each row, (H, D), in units of one row interval.

    Zero at local extremes and at steps, so that a gripper that snaps from open to closed does not overshoot.

    Args:
        rows: (H, D) values at equal intervals.

    Source: Fritsch and Butland 1984, "A method for constructing local monotone piecewise cubic interpolants".
    """
    slopes = np.zeros_like(rows)
    if len(rows) < 2:
        return slopes
    delta = np.diff(rows, axis=0)
    slopes[0] = _end_slope(delta[0], delta[min(1, len(delta) - 1)])
    slopes[-1] = _end_slope(delta[-1], delta[max(-2, -len(delta))])
    before, after = delta[:-1], delta[1:]
    product = before * after
    total = before + after
    np.divide(2.0 * product, total, out=slopes[1:-1], where=product > 0.0)
    return slopes


def _end_slope(delta: FloatArray, next_delta: FloatArray) -> FloatArray:
    """Slope of the parabola through the three last rows, (D,), kept between zero and what monotony allows (three times delta)."""
    slope = 1.5 * delta - 0.5 * next_delta
    limit = 3.0 * delta
    bounded: FloatArray = np.clip(slope, np.minimum(limit, 0.0), np.maximum(limit, 0.0))
    return (
        bounded + 0.0
    )  # which zero a maximum of both zeros is depends on the processor; so it is always the positive one


def coefficients(rows: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the linear, quadratic and cubic coefficients (H - 1, D) of the curve from each row to the next, rows (H, D), H >= 2."""
    slopes = monotone_slopes(rows)
    delta = np.diff(rows, axis=0)
    return slopes[:-1], 3.0 * delta - 2.0 * slopes[:-1] - slopes[1:], slopes[:-1] + slopes[1:] - 2.0 * delta


class MonotoneCubic:
    """Rows at equal intervals, evaluated anywhere between the first and the last.

    Attributes:
        rows: (H, D) values.
        period: Interval between two rows [s], > 0.
    """

    def __init__(self, rows: FloatArray, period: float) -> None:
        self.rows = rows
        self.period = period
        self._last = len(rows) - 1
        if self._last == 0:
            return  # one row has no interval; most commands are of one row
        self._linear, self._quadratic, self._cubic = inner_loop.coefficients(rows) or coefficients(rows)

    def at(self, time: float) -> FloatArray:
        """Return the value (D,) at `time` [s] after row 0; on a row it is a view of that row, never to be written to."""
        position = time / self.period
        k = int(position + 1e-6)
        if k >= self._last:
            last: FloatArray = self.rows[self._last]
            return last
        fraction = position - k
        if -1e-6 < fraction < 1e-6:
            row: FloatArray = self.rows[k]
            return row
        value: FloatArray = self._cubic[k] * fraction
        value += self._quadratic[k]
        value *= fraction
        value += self._linear[k]
        value *= fraction
        value += self.rows[k]
        return value

    def sample(self, times: NDArray[np.float64]) -> FloatArray:
        """Return the values at many times (N,) [s] after row 0, as (N, D)."""
        position = np.clip(times / self.period, 0.0, len(self.rows) - 1)
        if len(self.rows) == 1:
            return np.repeat(self.rows, len(times), axis=0)
        k = np.minimum(position.astype(np.intp), len(self.rows) - 2)
        s = (position - k)[:, None]
        values: FloatArray = ((self._cubic[k] * s + self._quadratic[k]) * s + self._linear[k]) * s + self.rows[k]
        return values

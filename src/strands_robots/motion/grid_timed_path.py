"""A path with a time law that was worked out before: the parameter at given times, in between with constant acceleration. No I/O."""

from __future__ import annotations

import math

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ShapeError
from strands_robots.core.types import JointLimits
from strands_robots.motion.path import JointPath, TimedPath


class GridTimedPath(TimedPath):
    """A path with a time law on a grid, from rest or from motion to rest.

    Args:
        path: The curve of the joints in `columns`.
        limits: Limits of all joints of the robot.
        columns: Which joints the path moves.
        times: Times (M,) from 0 to the duration, increasing [s].
        parameters: Path parameters (M,) at these times, from 0 to 1, never falling.
        rates: Their first derivatives by the time (M,) [1/s].
        most_rate: Largest rate of the parameter when the rest is played after a delay [1/s].

    Raises:
        ShapeError: If the law is not valid; the message says why.
    """

    def __init__(
        self,
        path: JointPath,
        limits: JointLimits,
        columns: list[int],
        times: FloatArray,
        parameters: FloatArray,
        rates: FloatArray,
        most_rate: float = math.inf,
    ) -> None:
        if not (times.ndim == 1 and len(times) >= 2 and times.shape == parameters.shape == rates.shape):
            raise ShapeError(
                f"time law has shapes {times.shape}, {parameters.shape}, {rates.shape}; valid: three times (M,), M >= 2"
            )
        law = np.stack([times, parameters, rates])
        if (
            not np.isfinite(law).all()
            or times[0] != 0.0
            or (np.diff(times) <= 0.0).any()
            or (np.diff(parameters) < -1e-9).any()
        ):
            raise ShapeError(
                "time law is not finite, does not begin at 0 or goes back; valid: increasing times and parameters"
            )
        if abs(parameters[0]) > 1e-9 or abs(parameters[-1] - 1.0) > 1e-9 or (rates < -1e-9).any():
            raise ShapeError(
                f"time law goes from {parameters[0]:g} to {parameters[-1]:g}; valid: from 0 to 1, rates of 0 and above"
            )
        self.path = path
        self.start = 0.0
        self.duration = float(times[-1])
        self.most_rate = most_rate
        self.times, self.parameters, self.rates = times, parameters, rates
        self._velocity = limits.velocity[columns]
        self._acceleration = limits.acceleration[columns]

    def parameter(self, time: float) -> float:
        """Return the path parameter at `time` [s] after the start."""
        return float(self._parameters_at(np.array([time]))[0])

    def at(self, times: FloatArray) -> FloatArray:
        """Return the positions (M, D) at `times` (M,) [s] after the start, held after the end.

        Before the start they are held, or where it begins in motion on the line along which the robot comes.
        """
        positions = self.path.at(self._parameters_at(times))
        if self.rates[0] > 0.0:
            slope = self.path.derivatives(np.zeros(1))[0][0]
            positions = positions + np.minimum(times, 0.0)[:, None] * (self.rates[0] * slope)
        return positions

    def _parameters_at(self, times: FloatArray) -> FloatArray:
        times = np.clip(times, 0.0, self.duration)
        k = np.clip(np.searchsorted(self.times, times, side="right") - 1, 0, len(self.times) - 2)
        width = self.times[k + 1] - self.times[k]
        after = times - self.times[k]
        bend = (self.rates[k + 1] - self.rates[k]) / width
        s: FloatArray = self.parameters[k] + self.rates[k] * after + 0.5 * bend * after**2
        return np.clip(s, 0.0, 1.0)

"""Trajectory points at any times -> rows at equal times, interpolated as joint_trajectory_controller does. No I/O."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError, ShapeError

MAX_ROWS = 60_000
MAX_SECONDS = 600.0


@dataclass(frozen=True)
class Trajectory:
    """Points of D joints.

    Attributes:
        times: Times from the start (N,) [s], increasing, the first >= 0.
        positions: (N, D) [rad] or [m].
        velocities: (N, D) [rad/s] or [m/s]; None when the points carry none.
        accelerations: (N, D) [rad/s^2] or [m/s^2]; None when the points carry none.

    Raises:
        ShapeError: If the shapes do not agree.
        ConfigurationError: If the times do not increase, are negative, or end after `MAX_SECONDS`.
    """

    times: FloatArray
    positions: FloatArray
    velocities: FloatArray | None = None
    accelerations: FloatArray | None = None

    def __post_init__(self) -> None:
        times = self.times
        shape = self.positions.shape
        if len(shape) != 2 or times.shape != shape[:1] or not len(times):
            raise ShapeError(f"{times.shape} times and {shape} positions given; valid: (N,) and (N, D) with N > 0")
        for name in ("velocities", "accelerations"):
            array = getattr(self, name)
            if array is not None and array.shape != shape:
                raise ShapeError(f"{name} have shape {array.shape}; valid: {shape} as the positions, or none at all")
        if not np.isfinite(times).all() or times[0] < 0.0 or times[-1] > MAX_SECONDS or (np.diff(times) <= 0.0).any():
            shown = ", ".join(f"{time:g}" for time in times[:6])
            raise ConfigurationError(
                f"time_from_start is {shown}{', ...' if len(times) > 6 else ''} s; "
                f"valid: increasing from >= 0 to <= {MAX_SECONDS:g} s"
            )

    def begin_at(self, position: FloatArray, delay: float) -> Trajectory:
        """Return the trajectory from the state it starts in, `delay` seconds later.

        Args:
            position: Position before the trajectory (D,) [rad], at rest.
            delay: Time to hold `position` before the trajectory starts [s].
        """
        times, rows = self.times + delay, [self.positions]
        first = [0.0] if delay <= 0.0 or self.times[0] <= 0.0 else [0.0, delay]
        if times[0] <= 0.0:
            return self
        rest = np.zeros((len(first), self.positions.shape[1]))
        rows.insert(0, np.repeat(position[None, :], len(first), axis=0))
        return Trajectory(
            np.concatenate([first, times]),
            np.concatenate(rows),
            None if self.velocities is None else np.concatenate([rest, self.velocities]),
            None if self.accelerations is None else np.concatenate([rest, self.accelerations]),
        )

    def resample(self, period: float) -> tuple[FloatArray, float]:
        """Return rows at equal times, the last one the last point.

        Args:
            period: Wanted time between two rows [s].

        Returns:
            Rows (H, D) from time 0, and the time between them [s]: `period`, or longer where the rows
            would be too many.
        """
        end = float(self.times[-1])
        if end <= 0.0:
            return self.positions[-1:], period
        largest = MAX_ROWS // max(self.positions.shape[1], 1)
        period = max(period, end / max(largest - 2, 1))
        count = math.ceil(end / period - 1e-9)
        rows = self.at(np.minimum(np.arange(count + 1) * period, end))
        return rows, period

    def at(self, times: NDArray[np.float64]) -> FloatArray:
        """Return the positions (M, D) at `times` (M,) [s], held before the first and after the last point.

        Linear without velocities, cubic with velocities, quintic with accelerations as well.

        Source: joint_trajectory_controller, "Trajectory Representation", interpolation method "splines".
        """
        if len(self.times) == 1:
            return np.repeat(self.positions, len(times), axis=0)
        times = np.clip(times, self.times[0], self.times[-1])
        k = np.clip(np.searchsorted(self.times, times, side="right") - 1, 0, len(self.times) - 2)
        length = (self.times[k + 1] - self.times[k])[:, None]
        s = (times - self.times[k])[:, None] / length
        p0, delta = self.positions[k], self.positions[k + 1] - self.positions[k]
        if self.velocities is None:
            linear: FloatArray = p0 + s * delta
            return linear
        v0, v1 = self.velocities[k] * length, self.velocities[k + 1] * length
        if self.accelerations is None:
            cubic: FloatArray = p0 + s * (v0 + s * (3.0 * delta - 2.0 * v0 - v1 + s * (v0 + v1 - 2.0 * delta)))
            return cubic
        a0, a1 = self.accelerations[k] * length**2, self.accelerations[k + 1] * length**2
        third = 10.0 * delta - 6.0 * v0 - 4.0 * v1 - 1.5 * a0 + 0.5 * a1
        fourth = -15.0 * delta + 8.0 * v0 + 7.0 * v1 + 1.5 * a0 - a1
        fifth = 6.0 * delta - 3.0 * (v0 + v1) - 0.5 * (a0 - a1)
        quintic: FloatArray = p0 + s * (v0 + s * (0.5 * a0 + s * (third + s * (fourth + s * fifth))))
        return quintic

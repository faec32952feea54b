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

    def begin_at(
        self,
        position: FloatArray,
        delay: float,
        velocity: FloatArray | None = None,
        acceleration: FloatArray | None = None,
    ) -> Trajectory:
        """Return the trajectory from the state of motion that it starts in, `delay` seconds later.

        A robot at rest holds until the trajectory's time 0; one that moves goes on to the first point.

        Args:
            position: Position before the trajectory (D,) [rad] or [m].
            delay: Time before the trajectory's own time 0 [s].
            velocity: Velocity before the trajectory (D,); None at rest.
            acceleration: Acceleration before the trajectory (D,); None for none.

        Source: joint_trajectory_controller, `Trajectory::set_point_before_trajectory_msg` (ros2_controllers, branch jazzy, commit
            ed360c97d6e9): the state before the trajectory, its velocity and acceleration included, is where its first segment begins.
        """
        if delay <= 0.0 and self.times[0] <= 0.0:
            return self
        is_held = velocity is None and delay > 0.0 and self.times[0] > 0.0
        first = [0.0, delay] if is_held else [0.0]
        still = np.zeros(self.positions.shape[1])

        def begun(points: FloatArray | None, start: FloatArray | None) -> FloatArray | None:
            if points is None:
                return None
            return np.concatenate([np.repeat((still if start is None else start)[None, :], len(first), axis=0), points])

        positions = begun(self.positions, position)
        assert positions is not None
        times = np.concatenate([first, self.times + max(delay, 0.0)])
        return Trajectory(times, positions, begun(self.velocities, velocity), begun(self.accelerations, acceleration))

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

"""A trajectory of a controller's client as a time law: played as it was sent, to be stopped anywhere. No I/O."""

from __future__ import annotations

import numpy as np

from strands_robots.control.trajectory import Trajectory
from strands_robots.core.arrays import FloatArray
from strands_robots.core.types import JointLimits
from strands_robots.motion.path import JointPath, TimedPath

LONGEST_BRAKE = 1.5
"""A chunk brakes within this time [s], also where the trajectory itself breaks the acceleration limits: the gate keeps those."""

RESUME = 0.5
"""Time in which the clock of a trajectory that was interrupted comes to its full rate again [s]."""

_STEP = 1e-3  # [s]; for the velocity of a sample


class TrajectoryLaw(TimedPath):
    """A trajectory whose time runs at full rate, or after an interruption ever faster from a standstill.

    Args:
        trajectory: The points of the joints in `columns`.
        limits: Limits of all joints of the robot.
        columns: Which joints the trajectory moves.
        begin: Time on the trajectory at time 0 [s].
        ramp: Time in which the rate goes from 0 to 1 [s]; 0 for a start at full rate.
    """

    def __init__(
        self, trajectory: Trajectory, limits: JointLimits, columns: list[int], begin: float = 0.0, ramp: float = 0.0
    ) -> None:
        self.trajectory = trajectory
        self._columns, self._limits = columns, limits
        self._begin, self._ramp = begin, ramp
        self._end = float(trajectory.times[-1])
        ends = trajectory.at(np.array([begin, self._end]))
        self.path = JointPath(ends)
        self.start = self.parameter_of(begin)
        left = max(self._end - begin, 0.0)
        # While the rate rises linearly, half of the time is lost; what is left may be over before the rate is 1.
        self.duration = left + ramp / 2.0 if left >= ramp / 2.0 else float(np.sqrt(2.0 * ramp * left))
        self._velocity = limits.velocity[columns]
        self._acceleration = limits.acceleration[columns]

    def parameter_of(self, time: float) -> float:
        """Return the part of the trajectory that is done at `time` on it [s]."""
        return min(max(time / self._end, 0.0), 1.0) if self._end > 0.0 else 1.0

    def parameter(self, time: float) -> float:
        """Return the part of the trajectory that is done at `time` [s] after the start."""
        return self.parameter_of(float(self._clock(np.array([time]))[0]))

    def at(self, times: FloatArray) -> FloatArray:
        """Return the positions (M, D) at `times` (M,) [s] after the start, held before it and after the end."""
        return self.trajectory.at(self._clock(times))

    def velocity_at(self, time: float) -> FloatArray:
        """Return the velocities (D,) at `time` [s] after the start [rad/s] or [m/s]."""
        before, after = self.at(np.array([time - _STEP, time + _STEP]))
        velocity: FloatArray = (after - before) / (2.0 * _STEP)
        return velocity

    def resumed(self, time: float, limits: JointLimits, columns: list[int], speed: float) -> TimedPath:
        """Return the rest of the same trajectory from where it stands at `time` [s], beginning at rest."""
        return TrajectoryLaw(self.trajectory, limits, columns, float(self._clock(np.array([time]))[0]), RESUME)

    def _clock(self, times: FloatArray) -> FloatArray:
        times = np.clip(times, 0.0, None)
        if self._ramp > 0.0:
            times = np.where(times < self._ramp, times**2 / (2.0 * self._ramp), times - self._ramp / 2.0)
        clock: FloatArray = self._begin + times
        return clock

    def _is_within_limits(self, rows: FloatArray, period: float) -> bool:
        return super()._is_within_limits(rows, period) or len(rows) * period > LONGEST_BRAKE

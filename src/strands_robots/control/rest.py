"""Is the robot at rest? Judged from measured velocities, over a time, never from the command."""

from __future__ import annotations

import math

import numpy as np

from strands_robots.core.arrays import FloatArray


class RestMonitor:
    """Watches measured velocities.

    Attributes:
        last_update: Steady time of the last measurement [s]; minus infinity before the first.
    """

    def __init__(self, size: int, threshold: float, duration: float) -> None:
        self.last_update = -math.inf
        self._threshold = threshold
        self._duration = duration
        self._velocity: FloatArray = np.zeros(size)
        self._quiet_since: float | None = None

    @property
    def max_velocity(self) -> float:
        """Largest absolute velocity of the last measurement [rad/s]."""
        return float(np.abs(self._velocity).max())

    def update(self, velocity: FloatArray, now: float, steady: float) -> None:
        """Take measured velocities (D,) [rad/s] at `now` (the clock that motion runs on) and `steady` [s].

        The array is kept, not copied; the caller may reuse it for the next measurement.
        """
        self._velocity = velocity
        self.last_update = steady
        threshold = self._threshold
        for value in velocity.tolist():  # of a few joints: faster than the two numpy calls for it
            if not -threshold < value < threshold:
                self._quiet_since = None
                return
        if self._quiet_since is None or now < self._quiet_since:
            self._quiet_since = now

    def is_at_rest(self, now: float) -> bool:
        """Return whether every velocity has been under the threshold for the whole duration."""
        return self._quiet_since is not None and now - self._quiet_since >= self._duration

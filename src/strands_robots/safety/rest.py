"""Is the robot at rest? Judged from measured velocities, over a time, never from the command."""

from __future__ import annotations

import numpy as np

from strands_robots.types import FloatArray


class RestMonitor:
    """Watches measured velocities.

    Attributes:
        max_velocity: Largest absolute velocity of the last measurement [rad/s].
        last_update: Steady time of the last measurement [s]; minus infinity before the first.
    """

    def __init__(self, size: int, threshold: float, duration: float) -> None:
        self.max_velocity = 0.0
        self.last_update = -np.inf
        self._threshold = threshold
        self._duration = duration
        self._absolute = np.zeros(size)
        self._quiet_since: float | None = None

    def update(self, velocity: FloatArray, now: float, steady: float) -> None:
        """Take measured velocities (D,) [rad/s] at `now` (the clock that motion runs on) and `steady` [s]."""
        np.abs(velocity, out=self._absolute)
        fastest = float(self._absolute.max())
        self.max_velocity = fastest
        self.last_update = steady
        if not fastest < self._threshold:
            self._quiet_since = None
        elif self._quiet_since is None or now < self._quiet_since:
            self._quiet_since = now

    def is_at_rest(self, now: float) -> bool:
        """Return whether every velocity has been under the threshold for the whole duration."""
        return self._quiet_since is not None and now - self._quiet_since >= self._duration

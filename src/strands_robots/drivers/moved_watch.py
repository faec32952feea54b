"""Whether an arm moves that was told nothing: another client commands its controllers, or something pushes it. No I/O."""

from __future__ import annotations

import numpy as np

from strands_robots.core.arrays import FloatArray

SETTLE = 1.0
"""An arm is given this long to come to rest at the last set-point that it was sent [s]."""

MOVED = 0.02
"""A joint was moved when it is further away than it moves in this time at its velocity limit [s]."""


class MovedWatch:
    """Remembers where an arm came to rest, and says which joint left from there.

    Args:
        allowed: How far a joint may go without a command (D,) [rad] or [m].
    """

    def __init__(self, allowed: FloatArray) -> None:
        self._allowed = allowed
        self._sent_at = -np.inf
        self._rest: FloatArray | None = None
        self._away: FloatArray = np.zeros(len(allowed))

    def on_sent(self, now: float) -> None:
        """A new set-point was sent at `now` [s, steady time]."""
        self._sent_at, self._rest = now, None

    def is_settled(self, now: float) -> bool:
        """Return whether the last set-point was sent long enough ago, at `now` [s, steady time]."""
        return now - self._sent_at >= SETTLE

    def check(self, position: FloatArray, target: FloatArray, now: float) -> int | None:
        """Return the joint that left its place of rest, away from its set-point; None while all stay, or go nearer.

        Args:
            position: Measured positions (D,) [rad] or [m].
            target: Set-points that were sent last (D,).
            now: The present [s, steady time].
        """
        if not self.is_settled(now):
            return None
        if self._rest is None:
            self._rest = position.copy()
            return None
        np.abs(position - self._rest, out=self._away)
        self._away -= self._allowed
        self._away[np.abs(position - target) < np.abs(self._rest - target)] = 0.0
        joint = int(self._away.argmax())
        return joint if self._away[joint] > 0.0 else None

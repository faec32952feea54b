"""Whether an arm follows its set-points, seen from its motion alone. No I/O.

A controller that is switched off and on within a moment tells nobody where no controller_manager is asked, or an old one is asked twice a
second. Its arm stands meanwhile, and the set-points go on: what it is sent next is the way of all that time.
"""

from __future__ import annotations

import numpy as np

from strands_robots.core.arrays import FloatArray

MARGIN = 0.03
"""A joint may be this far behind besides its lag: what it moves in this time at its velocity limit [s]."""

SLOW = 0.05
"""Set-points that move at less than this part of the velocity limit show nothing by their speed."""

STILL = 0.2
"""A joint stands that moves at less than this part of `SLOW` ..."""

STANDS = 0.03
"""... for this long [s]."""


class FollowWatch:
    """Compares set-points with measured positions and velocities, (D,) each in [rad] or [m].

    A joint does not follow when it stands while its set-points have moved for longer than its lag, or when it is further behind than its
    lag explains.

    Args:
        velocity: The joints' velocity limits (D,).
        lag: Longest time that a joint is behind its set-points while it follows them [s].
    """

    def __init__(self, velocity: FloatArray, lag: float) -> None:
        size = len(velocity)
        self._lag, self._margin = lag, MARGIN * velocity
        self._slow, self._still = SLOW * velocity, STILL * SLOW * velocity
        self._sign: FloatArray = np.zeros(size)
        self._moving_since: FloatArray = np.zeros(size)
        self._moved_at: FloatArray = np.zeros(size)
        self._offset: FloatArray = np.zeros(size)
        self._fastest: FloatArray = np.zeros((2, size))
        self._bucket_ends = 0.0
        self._target: FloatArray | None = None
        self._target_at = 0.0

    def restart(self) -> None:
        """Forget all: nothing is sent, or the arm is held where it is from now on."""
        self._target = None
        self._fastest.fill(0.0)
        self._offset.fill(0.0)

    def on_rest(self, position: FloatArray, target: FloatArray) -> None:
        """Take how far from their set-points the joints are at rest, for example by their weight."""
        np.abs(position - target, out=self._offset)

    def on_target(self, target: FloatArray, now: float) -> None:
        """Take the set-points that are sent at `now` [s, steady time]."""
        if self._target is None:
            self._target, self._target_at = target.copy(), now
            self._moving_since.fill(now)
            self._moved_at.fill(now)
            return
        passed = now - self._target_at
        if passed <= 0.0:
            return
        speed = (target - self._target) / passed
        sign = np.sign(speed)
        moves = (np.abs(speed) >= self._slow) & (sign == self._sign)
        self._moving_since[~moves] = now
        self._sign[:] = sign
        if now >= self._bucket_ends:  # The older of two buckets is the new one: together they hold one to two lags.
            self._fastest[1], self._bucket_ends = self._fastest[0], now + self._lag
            self._fastest[0] = 0.0
        np.maximum(self._fastest[0], np.abs(speed), out=self._fastest[0])
        self._target[:], self._target_at = target, now

    def check(self, position: FloatArray, velocity: FloatArray, heard: FloatArray) -> int | None:
        """Return a joint that does not follow; None while all do.

        Args:
            position: Measured positions (D,).
            velocity: Measured velocities (D,).
            heard: When each joint was measured (D,) [s, steady time].
        """
        if self._target is None:
            return None
        np.copyto(self._moved_at, heard, where=np.abs(velocity) >= self._still)
        stands = (heard - self._moved_at >= STANDS) & (heard - self._moving_since >= self._lag)
        behind = np.abs(self._target - position) - self._offset - self._margin - self._lag * self._fastest.max(axis=0)
        failing = stands | (behind > 0.0)
        return int(failing.argmax()) if failing.any() else None

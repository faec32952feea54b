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

STANDS = 0.5
"""... for this part of its lag ..."""

SAMPLES = 4
"""... and for so many states: one that comes late may say where the joint was a moment ago."""

GAP = 0.02
"""Set-points that come later than this after each other let the joint stand by themselves [s]."""


class FollowWatch:
    """Compares set-points with measured positions, (D,) each in [rad] or [m].

    Measured velocities are not looked at: some are those of the controller's last turn, and 0 in every second one.

    A joint does not follow when it stands for half of its lag while its set-points move, and have moved for its whole lag before, or
    when it is further behind than its lag explains.

    Args:
        velocity: The joints' velocity limits (D,).
        lag: Longest time that a joint is behind its set-points while it follows them [s].
    """

    def __init__(self, velocity: FloatArray, lag: float) -> None:
        size = len(velocity)
        self._lag, self._margin = lag, MARGIN * velocity
        self._slow, self._still = SLOW * velocity, STILL * SLOW * STANDS * lag * velocity
        self._sign: FloatArray = np.zeros(size)
        self._moves = np.zeros(size, dtype=bool)
        self._moving_since: FloatArray = np.zeros(size)
        self._place: FloatArray = np.zeros(size)
        self._moved_at: FloatArray = np.zeros(size)
        self._heard: FloatArray = np.zeros(size)
        self._samples = np.zeros(size, dtype=int)
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
            self._moves.fill(False)
            self._moving_since.fill(now)
            self._moved_at.fill(now)
            return
        passed = now - self._target_at
        if passed <= 0.0:
            return
        if passed > GAP:
            self._moved_at.fill(now)
        speed = (target - self._target) / passed
        sign = np.sign(speed)
        self._moves = (np.abs(speed) >= self._slow) & (sign == self._sign)
        self._moving_since[~self._moves] = now
        self._sign[:] = sign
        if now >= self._bucket_ends:  # The older of two buckets is the new one: together they hold one to two lags.
            self._fastest[1], self._bucket_ends = self._fastest[0], now + self._lag
            self._fastest[0] = 0.0
        np.maximum(self._fastest[0], np.abs(speed), out=self._fastest[0])
        self._target[:], self._target_at = target, now

    def check(self, position: FloatArray, heard: FloatArray) -> int | None:
        """Return a joint that does not follow; None while all do.

        Args:
            position: Measured positions (D,).
            heard: When each joint was measured (D,) [s, steady time].
        """
        if self._target is None:
            return None
        self._samples += heard > self._heard
        self._heard[:] = heard
        moved = np.abs(position - self._place) >= self._still
        self._place[moved], self._moved_at[moved], self._samples[moved] = position[moved], heard[moved], 0
        stands = (heard - self._moved_at >= STANDS * self._lag) & (self._samples >= SAMPLES)
        stands &= self._moves & (heard - self._moving_since >= (1.0 + STANDS) * self._lag)
        behind = np.abs(self._target - position) - self._offset - self._margin - self._lag * self._fastest.max(axis=0)
        failing = stands | (behind > 0.0)
        return int(failing.argmax()) if failing.any() else None

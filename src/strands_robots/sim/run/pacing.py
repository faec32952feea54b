"""Keeps a loop on an absolute schedule and says how well it does. No I/O but the clock, which is passed in."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

MAX_STALL = 0.1
"""Behind by more than this, the schedule is shifted instead of raced after [s]."""

MAX_SLEEP = 0.02
"""Longest sleep in one piece, so that a slow world still serves its callers [s]."""


class LatenessSummary(NamedTuple):
    """How late a loop woke, over the last wakes [s]."""

    p50: float
    p99: float
    max: float


class LatenessMeter:
    """Lateness of the last `size` wakes, in a ring."""

    def __init__(self, size: int = 1000) -> None:
        self._values = np.zeros(size)
        self._count = 0

    def add(self, lateness: float) -> None:
        """Record one wake that was `lateness` [s] after its deadline."""
        self._values[self._count % len(self._values)] = lateness
        self._count += 1

    def summary(self) -> LatenessSummary:
        """Return percentiles [s]; zeros before the first wake."""
        values = self._values[: min(self._count, len(self._values))].copy()
        if not len(values):
            return LatenessSummary(0.0, 0.0, 0.0)
        p50, p99 = np.percentile(values, (50.0, 99.0))
        return LatenessSummary(float(p50), float(p99), float(values.max()))


class Pacer:
    """Absolute deadlines at equal distances: one late wake does not delay the next, and rounding never adds up.

    Args:
        period: Wall time between two deadlines [s].
        clock: Monotonic clock [s].
        sleep: Sleeps for a number of seconds.

    Attributes:
        lateness: How late the wakes were.
        shifts: How often the schedule was moved after a stall.
    """

    def __init__(
        self,
        period: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.period = period
        self.lateness = LatenessMeter()
        self.shifts = 0
        self._clock = clock
        self._sleep = sleep
        self._deadline = clock() + period

    def restart(self) -> None:
        """Begin a new schedule now, because the loop stood still on purpose."""
        self._deadline = self._clock() + self.period

    @property
    def deadline(self) -> float:
        """The next deadline [s]."""
        return self._deadline

    def wait(self, ahead: int = 1) -> int:
        """Sleep towards the deadline that is `ahead` deadlines away, for at most `MAX_SLEEP`.

        Args:
            ahead: 1 for the next deadline.

        Returns:
            How many deadlines have passed, at most `ahead`; fewer when the sleep ended early.
        """
        goal = self._deadline + (ahead - 1) * self.period
        left = goal - self._clock()
        if left > 0.0:
            self._sleep(min(left, MAX_SLEEP))
        now = self._clock()
        late = now - goal
        if late < 0.0:
            passed = 0 if now < self._deadline else min(int((now - self._deadline) / self.period) + 1, ahead)
        else:
            passed = ahead
            self.lateness.add(late)
            if late > MAX_STALL:
                self.shifts += 1
                self._deadline += late
        self._deadline += passed * self.period
        return passed


class RateMeter:
    """Progress of one quantity for each second of wall time, over the last window.

    Args:
        window: Length of the window [s].
    """

    def __init__(self, window: float = 1.0) -> None:
        self.rate = 0.0
        self._window = window
        self._last: tuple[float, float] | None = None

    def restart(self) -> None:
        """Forget the window, because the quantity jumped."""
        self._last = None
        self.rate = 0.0

    def update(self, value: float, now: float) -> None:
        """Take the quantity's `value` at `now` [s]; `rate` changes once in each window."""
        if self._last is None:
            self._last = (value, now)
        elif now - self._last[1] >= self._window:
            self.rate = (value - self._last[0]) / (now - self._last[1])
            self._last = (value, now)

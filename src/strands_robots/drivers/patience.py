"""Waiting for what others start: until a deadline, and saying what for."""

from __future__ import annotations

import time
from collections.abc import Callable

SAY_AFTER = 1.0
"""What is waited for is said after this time [s] ..."""

SAY_AGAIN = 5.0
"""... and again after each such time [s]."""

PAUSE = 0.02
"""Time between two looks [s]."""


class Patience:
    """One deadline for everything that a start waits for.

    Args:
        wait: Longest wait in all [s].
        say: Takes what is waited for, in words.
    """

    def __init__(self, wait: float, say: Callable[[str], None]) -> None:
        self.wait = wait
        self._say = say
        self._end = time.monotonic() + wait
        self._say_at = time.monotonic() + SAY_AFTER

    @property
    def left(self) -> float:
        """Time that is left [s]; 0 when it is over."""
        return max(self._end - time.monotonic(), 0.0)

    def go_on(self, what: str) -> bool:
        """Pause, and return whether to look again for what is waited for; says it now and then."""
        now = time.monotonic()
        if now >= self._end:
            return False
        if now >= self._say_at:
            self._say_at = now + SAY_AGAIN
            self._say(f"waiting for {what}, {self.left:.0f} s more at most")
        time.sleep(PAUSE)
        return True

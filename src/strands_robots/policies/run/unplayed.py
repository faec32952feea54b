"""Follows which chunks of a run the gate has let through. No I/O.

A chunk that was superseded before a control tick came to it counts as played: the gate let a later one through.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

SEEN_WITHIN = 0.1
"""A chunk that the gate plays is seen in what it lets through within this time, or a later one is [s, ROS time]."""


@dataclass
class _Pending:
    sequence: int
    sent: float
    is_lost: bool = False


class UnplayedChunks:
    """Chunks that were sent and not seen being played yet.

    Attributes:
        lost: Chunks that were overdue when a later one was sent.
    """

    def __init__(self) -> None:
        self.lost = 0
        self._pending: deque[_Pending] = deque()

    def __len__(self) -> int:
        return len(self._pending)

    def send(self, sequence: int, now: float) -> None:
        """Take a chunk that is sent at `now` [s, ROS time]."""
        for pending in self._overdue(now):
            self.lost += not pending.is_lost
            pending.is_lost = True
        self._pending.append(_Pending(sequence, now))

    def see(self, sequence: int) -> None:
        """Take the sequence of a chunk that the gate lets through."""
        while self._pending and self._pending[0].sequence <= sequence:
            self._pending.popleft()

    def overdue(self, now: float) -> int:
        """Return how many chunks should have been seen by `now` [s, ROS time], and were not."""
        return len(self._overdue(now))

    def _overdue(self, now: float) -> list[_Pending]:
        return [pending for pending in self._pending if now - pending.sent >= SEEN_WITHIN - 1e-9]

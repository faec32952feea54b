"""Refusals of one gate, counted by source and reason until they are taken. Bounded; no I/O."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

OTHERS = "others"
"""Source under which refusals are counted together once there are too many sources."""


@dataclass
class RefusalEntry:
    """What one source was refused for one reason since the last `take`.

    Attributes:
        source: Who commanded, "class/name" as it said; empty when not known.
        reason: Name of the reason.
        count: How often.
        last: The last of these refusals in words.
    """

    source: str
    reason: str
    count: int = 0
    last: str = ""


class RefusalLedger:
    """Counts. Not thread-safe: the gate calls it under its lock.

    Args:
        most: Pairs of source and reason that are told apart; the rest shares one entry for each reason.

    Attributes:
        totals: How often each reason was given since the start.
        last: The last refusal in words; empty before the first.
    """

    def __init__(self, most: int = 64) -> None:
        self.totals: Counter[str] = Counter()
        self.last = ""
        self._most = most
        self._entries: dict[tuple[str, str], RefusalEntry] = {}

    def count(self, source: str, reason: str, message: str) -> None:
        """Count one refusal."""
        self.totals[reason] += 1
        self.last = message
        entry = self._entries.get((source, reason))
        if entry is None:
            if len(self._entries) >= self._most:
                source = OTHERS
            entry = self._entries.setdefault((source, reason), RefusalEntry(source, reason))
        entry.count += 1
        entry.last = message

    def take(self) -> list[RefusalEntry]:
        """Return what was counted since the last call, in the order of the first of each."""
        entries, self._entries = list(self._entries.values()), {}
        return entries

"""Keeps a flood of refusals from drowning the log: the first of each kind are told one by one, the rest is counted."""

from __future__ import annotations

from collections import Counter


class Tally:
    """Counts what happened since the last `take`, for each kind.

    Args:
        most: How many of a kind are told one by one between two calls of `take`.
    """

    def __init__(self, most: int = 5) -> None:
        self._most = most
        self._counts: Counter[str] = Counter()

    def is_told(self, kind: str) -> bool:
        """Count one more, and return whether it is to be told by itself."""
        self._counts[kind] += 1
        return self._counts[kind] <= self._most

    def take(self) -> dict[str, int]:
        """Return how many of each kind were not told since the last call; call it once a second."""
        untold = {kind: count - self._most for kind, count in self._counts.items() if count > self._most}
        self._counts.clear()
        return untold

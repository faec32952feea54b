"""Ranges of integers, for indices that are missing: few ranges, however long."""

from __future__ import annotations

from collections.abc import Iterator


class Ranges:
    """A sorted list of ranges that do not overlap, ends included."""

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int]] = []

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self._ranges)

    def add(self, first: int, last: int) -> None:
        """Add a range; at the end in constant time."""
        if not self._ranges or first > self._ranges[-1][1] + 1:
            self._ranges.append((first, last))
            return
        merged: list[tuple[int, int]] = []
        for other in self._ranges:
            if other[1] < first - 1 or other[0] > last + 1:
                merged.append(other)
            else:
                first, last = min(first, other[0]), max(last, other[1])
        self._ranges = sorted([*merged, (first, last)])

    def remove(self, number: int) -> bool:
        """Remove a number and return whether it was there."""
        for position, (first, last) in enumerate(self._ranges):
            if first <= number <= last:
                parts = [(first, number - 1), (number + 1, last)]
                self._ranges[position : position + 1] = [part for part in parts if part[0] <= part[1]]
                return True
        return False

    def covers(self, first: int, last: int) -> bool:
        """Return whether every number from first to last is in one range."""
        return any(low <= first and last <= high for low, high in self._ranges)

"""What can be seen of the graph and the clocks -> events. No I/O."""

from __future__ import annotations

from collections.abc import Iterable

from strands_robots.audit.event import Durability
from strands_robots.audit.watches.gate import Report


class NodeWatch:
    """Reports nodes that appear and vanish.

    Args:
        report: Takes what is to be recorded.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._nodes: frozenset[str] = frozenset()

    def see(self, names: Iterable[str]) -> None:
        """Take the full names of the nodes on the graph."""
        nodes = frozenset(names)
        for name in sorted(nodes - self._nodes):
            self._report("node_start", {"node": name})
        for name in sorted(self._nodes - nodes):
            self._report("node_gone", {"node": name}, durability=Durability.NOW)
        self._nodes = nodes


class WallClockMonitor:
    """Reports jumps of the wall clock against the monotonic clock.

    Args:
        report: Takes what is to be recorded.
        tolerance: Smallest jump that is reported [s]; slewing stays below.
    """

    def __init__(self, report: Report, tolerance: float = 0.2) -> None:
        self._report = report
        self._tolerance_us = tolerance * 1e6
        self._offset_us: int | None = None

    def see(self, wall_us: int, monotonic_us: int) -> None:
        """Take the time on both clocks [us]."""
        offset = wall_us - monotonic_us
        if self._offset_us is not None and abs(offset - self._offset_us) >= self._tolerance_us:
            details = {"seconds": (offset - self._offset_us) * 1e-6}
            self._report("clock_jump", details, durability=Durability.NOW)
        self._offset_us = offset

"""Numbers the events of one source."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping

from strands_robots.audit.event import AuditClock, Durability, Event
from strands_robots.audit.json_values import bounded


class EventSource:
    """Makes the events of one start of one source, numbered 1, 2, 3, ... Thread-safe.

    Args:
        name: Who reports, for example the node's full name.
        clock: Clocks.

    Attributes:
        name: Who reports.
        session: Identity of this start.
    """

    def __init__(self, name: str, clock: AuditClock | None = None) -> None:
        self.name = name
        self.session = secrets.token_hex(16)
        self._clock = clock if clock is not None else AuditClock()
        self._sequences = itertools.count(1)

    def event(
        self,
        kind: str,
        details: Mapping[str, object],
        robot: str = "",
        actor: str = "",
        durability: Durability = Durability.LATER,
        age: float = 0.0,
    ) -> Event:
        """Return an event that happens now, or happened a moment ago.

        Args:
            kind: What happened.
            details: What the kind says more; anything that is no JSON is described.
            robot: Robot concerned, or empty.
            actor: Who caused it, or empty.
            durability: How soon it must be on the disk.
            age: How long ago it happened [s].
        """
        ago = int(age * 1e6)
        wall, monotonic = self._clock.wall_us() - ago, self._clock.monotonic_us() - ago
        sequence = next(self._sequences)
        return Event(
            kind, self.name, self.session, sequence, wall, monotonic, robot, actor, bounded(details), durability
        )

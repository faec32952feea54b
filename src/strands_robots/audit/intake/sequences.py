"""Notices which events of a source arrived twice, or contradict each other; missing.py knows which never arrived."""

from __future__ import annotations

import enum
import json
from collections import OrderedDict
from dataclasses import dataclass, field

from strands_robots.audit.event import Event

MOST_SOURCES = 256
WINDOW = 1024
"""Numbers of a source whose content is remembered: as many as a publisher repeats to a late audit_node."""


class Arrival(enum.Enum):
    """How an event's number relates to those before."""

    NEW = "new"
    REPEATED = "repeated"
    CONFLICT = "conflict"


@dataclass
class _Seen:
    contents: OrderedDict[int, int] = field(default_factory=OrderedDict)


class SequenceTracker:
    """Remembers the numbers of the last sources; memory is bounded, the least recent source is forgotten first."""

    def __init__(self) -> None:
        self._sources: OrderedDict[tuple[str, str], _Seen] = OrderedDict()

    def note(self, event: Event) -> Arrival:
        """Take an event's number into account, and return how it arrived.

        Args:
            event: An event with a number from 1 on; 0 means that its source does not count.
        """
        if event.sequence <= 0:
            return Arrival.NEW
        key = (event.source, event.session)
        seen = self._sources.setdefault(key, _Seen())
        self._sources.move_to_end(key)
        if len(self._sources) > MOST_SOURCES:
            self._sources.popitem(last=False)
        content = _content(event)
        known = seen.contents.get(event.sequence)
        if known is not None:
            return Arrival.REPEATED if known == content else Arrival.CONFLICT
        seen.contents[event.sequence] = content
        if len(seen.contents) > WINDOW:
            seen.contents.popitem(last=False)
        return Arrival.NEW


def _content(event: Event) -> int:
    """Return a number that is the same for the same event, within this process."""
    details = json.dumps(event.details, sort_keys=True)
    return hash((event.kind, event.robot, event.actor, event.wall_us, event.monotonic_us, details))

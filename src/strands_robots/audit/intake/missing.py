"""Which numbers of which source are missing: what to ask the source for, and when to give up and name the gap. No I/O."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from strands_robots.audit.event import Event
from strands_robots.audit.intake.sequences import MOST_SOURCES

PATIENCE = 4.0
"""A number that did not come for so long is lost [s]; its source is asked each second."""

MOST_GAPS = 64
"""Gaps of one source that are kept at a time; beyond them the oldest is given up."""


@dataclass(frozen=True)
class Gap:
    """Numbers of one start of a source that never came, `first` to `last`."""

    source: str
    session: str
    first: int
    last: int


@dataclass(frozen=True)
class Wanted:
    """What a source is asked for: the numbers `first` to `last` (0 and 0 for none), and `next` with all above it."""

    source: str
    session: str
    first: int
    last: int
    next: int


@dataclass
class _Range:
    first: int
    last: int
    since: float
    is_named: bool


@dataclass
class _Source:
    next: int = 1
    is_live: bool = False
    ranges: list[_Range] = field(default_factory=list)


class MissingEvents:
    """Remembers the gaps of the last sources; memory is bounded, the least recent source is forgotten first.

    Args:
        patience: Time until a gap is given up [s].
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._sources: OrderedDict[tuple[str, str], _Source] = OrderedDict()
        self._given_up: list[Gap] = []

    def note(self, event: Event, now: float, is_remembered: bool = False) -> None:
        """Take an event that has come into account.

        Args:
            event: The event; a number of 0 means that its source does not count.
            now: Steady time [s].
            is_remembered: It was read from the log at the start. What is missing there may have been counted only,
                so it is asked for, but not named when it does not come.
        """
        if event.sequence <= 0:
            return
        key = (event.source, event.session)
        source = self._sources.setdefault(key, _Source())
        self._sources.move_to_end(key)
        if len(self._sources) > MOST_SOURCES:
            self._forget()
        source.is_live |= not is_remembered
        if event.sequence >= source.next:
            if event.sequence > source.next:
                source.ranges.append(_Range(source.next, event.sequence - 1, now, not is_remembered))
            source.next = event.sequence + 1
        else:
            _fill(source.ranges, event.sequence)
        if len(source.ranges) > MOST_GAPS:
            self._give_up(key, source.ranges.pop(0))

    def wanted(self) -> list[Wanted]:
        """Return what each source that was heard since the start is asked for: its oldest gap, and what is new."""
        return [
            Wanted(*key, source.ranges[0].first, source.ranges[0].last, source.next)
            if source.ranges
            else Wanted(*key, 0, 0, source.next)
            for key, source in self._sources.items()
            if source.is_live
        ]

    def take_given_up(self, now: float) -> list[Gap]:
        """Return the gaps that will not be filled any more, once each.

        Args:
            now: Steady time [s]; infinity gives all up.
        """
        for key, source in self._sources.items():
            for entry in [entry for entry in source.ranges if now - entry.since >= self._patience]:
                source.ranges.remove(entry)
                self._give_up(key, entry)
        gaps, self._given_up = self._given_up, []
        return gaps

    def _forget(self) -> None:
        key, source = self._sources.popitem(last=False)
        for entry in source.ranges:
            self._give_up(key, entry)

    def _give_up(self, key: tuple[str, str], entry: _Range) -> None:
        if entry.is_named:
            self._given_up.append(Gap(*key, entry.first, entry.last))


def _fill(ranges: list[_Range], number: int) -> None:
    """Take one number out of the gaps."""
    for index, entry in enumerate(ranges):
        if entry.first <= number <= entry.last:
            parts = ((entry.first, number - 1), (number + 1, entry.last))
            ranges[index : index + 1] = [
                _Range(first, last, entry.since, entry.is_named) for first, last in parts if first <= last
            ]
            return

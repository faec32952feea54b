"""What arrives -> what is stored: rules, numbers and rates, before the writer. No I/O, no threads."""

from __future__ import annotations

import math
from collections.abc import Callable

from strands_robots.audit.event import LOG_SOURCE, AuditClock, Event, checked
from strands_robots.audit.intake.missing import Gap, MissingEvents, Wanted
from strands_robots.audit.intake.sequences import Arrival, SequenceTracker
from strands_robots.audit.intake.throttle import Throttle, ThrottleConfig
from strands_robots.audit.json_values import JsonObject, bounded, integer


class Intake:
    """Passes events on to the writer, with records of the log's own where something is wrong with them.

    Args:
        submit: Takes an event to be stored.
        config: Rates.
        clock: Clocks.

    Attributes:
        repeated: Events that arrived again and were not stored again.
    """

    def __init__(
        self, submit: Callable[[Event], object], config: ThrottleConfig, clock: AuditClock | None = None
    ) -> None:
        self.repeated = 0
        self._submit = submit
        self._clock = clock if clock is not None else AuditClock()
        self._throttle = Throttle(config)
        self._sequences = SequenceTracker()
        self._missing = MissingEvents()
        self._second_us = self._clock.wall_us()

    def remember(self, event: Event) -> None:
        """Take an event of the log into account, so that its source may send it again to a restarted audit_node."""
        if event.source != LOG_SOURCE:
            self._sequences.note(event)
            self._missing.note(event, self._now(), is_remembered=True)

    def take(self, event: Event) -> None:
        """Store an event from outside, count it, or know it already."""
        event = checked(event)
        arrival = self._sequences.note(event)
        self._missing.note(event, self._now())
        if arrival is Arrival.REPEATED:
            self.repeated += 1
            return
        key = (event.source, event.robot, "now" if event.is_durable else "later")
        is_admitted = self._throttle.admit(event.source, key, self._clock.monotonic_us())
        if not is_admitted:
            return
        if arrival is Arrival.CONFLICT:
            self._own("sequence_conflict", {**_name(event), "sequence": integer(event.sequence)})
        self._submit(event)

    def wanted(self) -> list[Wanted]:
        """Return what each source is asked to send again."""
        return self._missing.wanted()

    def finish(self) -> None:
        """Name every gap that is still open; nothing comes any more."""
        self._name_gaps(math.inf)

    def tick(self) -> None:
        """Once a second: name gaps that were not filled in time, and store how many events were only counted."""
        self._name_gaps(self._now())
        second = self._second_us
        self._second_us = self._clock.wall_us()
        for source, events in self._throttle.take_suppressed().items():
            self._own("suppressed", {"source": source, "events": events, "second_us": second})

    def _name_gaps(self, now: float) -> None:
        for gap in self._missing.take_given_up(now):
            if self._throttle.admit(gap.source, (gap.source, "gaps"), self._clock.monotonic_us()):
                self._own("sequence_gap", _describe(gap))

    def _now(self) -> float:
        return self._clock.monotonic_us() * 1e-6

    def _own(self, kind: str, details: JsonObject) -> None:
        now, monotonic = self._clock.wall_us(), self._clock.monotonic_us()
        self._submit(Event(kind, LOG_SOURCE, "", 0, now, monotonic, details=bounded(details)))


def _describe(gap: Gap) -> JsonObject:
    missing = integer(gap.last - gap.first + 1)
    return {
        "source": gap.source, "session": gap.session, "from": integer(gap.first), "to": integer(gap.last), "missing": missing,
    }  # fmt: skip


def _name(event: Event) -> JsonObject:
    return {"source": event.source, "session": event.session}

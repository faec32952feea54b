"""What arrives -> what is stored: rules, numbers and rates, before the writer. No I/O, no threads."""

from __future__ import annotations

from collections.abc import Callable

from strands_robots.audit.event import LOG_SOURCE, AuditClock, Event, checked
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
        self._second_us = self._clock.wall_us()

    def remember(self, event: Event) -> None:
        """Take an event of the log into account, so that its source may send it again to a restarted audit_node."""
        if event.source != LOG_SOURCE:
            self._sequences.note(event)

    def take(self, event: Event) -> None:
        """Store an event from outside, count it, or know it already."""
        event = checked(event)
        arrival, expected = self._sequences.note(event)
        if arrival is Arrival.REPEATED:
            self.repeated += 1
            return
        key = (event.source, event.robot, "now" if event.is_durable else "later")
        is_admitted = self._throttle.admit(event.source, key, self._clock.monotonic_us())
        if arrival is Arrival.AFTER_GAP:
            self._name_gap(event, expected)
        if not is_admitted:
            return
        if arrival is Arrival.CONFLICT:
            self._own("sequence_conflict", {**_name(event), "sequence": integer(event.sequence)})
        self._submit(event)

    def tick(self) -> None:
        """Once a second: store how many events were only counted."""
        second = self._second_us
        self._second_us = self._clock.wall_us()
        for source, events in self._throttle.take_suppressed().items():
            self._own("suppressed", {"source": source, "events": events, "second_us": second})

    def _name_gap(self, event: Event, expected: int) -> None:
        if not self._throttle.admit(event.source, (event.source, "gaps"), self._clock.monotonic_us()):
            return
        first, last = integer(expected), integer(event.sequence - 1)
        self._own(
            "sequence_gap", {**_name(event), "from": first, "to": last, "missing": integer(event.sequence - expected)}
        )

    def _own(self, kind: str, details: JsonObject) -> None:
        now, monotonic = self._clock.wall_us(), self._clock.monotonic_us()
        self._submit(Event(kind, LOG_SOURCE, "", 0, now, monotonic, details=bounded(details)))


def _name(event: Event) -> JsonObject:
    return {"source": event.source, "session": event.session}

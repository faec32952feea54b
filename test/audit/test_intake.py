"""What arrives is checked, numbered and limited before it is written."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strands_robots.audit.event import LOG_KINDS, Durability, Event, checked
from strands_robots.audit.intake.history import SentHistory
from strands_robots.audit.intake.intake import Intake
from strands_robots.audit.intake.missing import PATIENCE, MissingEvents, Wanted
from strands_robots.audit.intake.sequences import MOST_SOURCES, WINDOW, Arrival, SequenceTracker
from strands_robots.audit.intake.source import EventSource
from strands_robots.audit.intake.throttle import OTHERS, Throttle, ThrottleConfig

from .logs import FakeClock, event, stop_event


class Bench:
    def __init__(self, **options: object) -> None:
        self.stored: list[Event] = []
        self.clock = FakeClock()
        config = ThrottleConfig(**options)  # type: ignore[arg-type]
        self.intake = Intake(self.stored.append, config, self.clock.clock)

    def take(self, *sequences: int, **values: object) -> None:
        for sequence in sequences:
            self.intake.take(event(sequence=sequence, **values))  # type: ignore[arg-type]

    def kinds(self) -> list[str]:
        return [stored.kind for stored in self.stored]


def test_numbers_in_order_are_stored() -> None:
    bench = Bench()
    bench.take(1, 2, 3)
    assert bench.kinds() == ["refusal"] * 3


def test_missing_numbers_are_asked_for_and_named_when_they_do_not_come() -> None:
    bench = Bench()
    bench.take(1, 2, 6)
    assert bench.intake.wanted() == [Wanted("/sim_node", "session", 3, 5, 7)]
    bench.clock.pass_time(PATIENCE - 0.1)
    bench.intake.tick()
    assert bench.kinds() == ["refusal"] * 3
    bench.clock.pass_time(0.2)
    bench.intake.tick()
    bench.intake.tick()
    assert bench.kinds() == ["refusal"] * 3 + ["sequence_gap"]
    expected = {"source": "/sim_node", "session": "session", "from": 3, "to": 5, "missing": 3}
    assert bench.stored[3].details == expected and bench.stored[3].source == "audit"
    assert bench.intake.wanted() == [Wanted("/sim_node", "session", 0, 0, 7)]


def test_source_that_was_not_heard_from_its_beginning_has_a_gap_at_the_logs_end() -> None:
    bench = Bench()
    bench.take(4)
    bench.intake.finish()
    assert bench.stored[-1].details["to"] == 3


def test_event_that_arrives_late_is_stored_and_leaves_no_gap() -> None:
    bench = Bench()
    bench.take(1, 5, 3, 6)
    assert bench.intake.wanted() == [Wanted("/sim_node", "session", 2, 2, 7)]
    bench.take(4, 2)
    bench.intake.finish()
    assert bench.kinds() == ["refusal"] * 6


def test_event_that_arrives_again_is_stored_once() -> None:
    bench = Bench()
    bench.take(1, 2, 1, 2)
    assert bench.kinds() == ["refusal"] * 2 and bench.intake.repeated == 2


def test_same_number_with_other_content_is_stored_and_named() -> None:
    bench = Bench()
    bench.take(1)
    bench.take(1, kind="approval")
    assert bench.kinds() == ["refusal", "sequence_conflict", "approval"]


def test_source_that_does_not_count_is_stored() -> None:
    bench = Bench()
    for _ in range(3):
        bench.intake.take(dataclasses.replace(event(), sequence=0))
    assert bench.kinds() == ["refusal"] * 3


def test_events_of_the_log_are_known_after_a_restart() -> None:
    bench = Bench()
    for sequence in range(1, 6):
        bench.intake.remember(event(sequence=sequence))
    bench.intake.remember(event("checkpoint", source="audit"))
    assert bench.intake.wanted() == [], "only who is heard is asked"
    bench.take(*range(1, 8))
    assert [stored.sequence for stored in bench.stored] == [6, 7]


def test_hole_in_the_log_is_asked_for_after_a_restart_but_may_have_been_counted_only() -> None:
    bench = Bench()
    for sequence in (1, 4):
        bench.intake.remember(event(sequence=sequence))
    bench.take(5)
    assert bench.intake.wanted() == [Wanted("/sim_node", "session", 2, 3, 6)]
    bench.intake.finish()
    assert bench.kinds() == ["refusal"]


def test_source_sends_again_what_it_still_has_and_what_is_not_on_its_way() -> None:
    history = SentHistory()
    for sequence in range(1, 2001):
        history.note(event(sequence=sequence), sequence * 0.001)
    assert [sent.sequence for sent in history.missing(998, 1003, 1999, 10.0)] == [1001, 1002, 1003, 1999, 2000]
    assert [sent.sequence for sent in history.missing(0, 0, 1498, 2.0)] == [1498, 1499, 1500]
    assert len(history.missing(0, 0, 1, 10.0)) == 200 and history.missing(0, 0, 2001, 10.0) == []


@pytest.mark.parametrize("kind", [*sorted(LOG_KINDS), "Stop", "", "a-b", "1a", "x" * 65, "a\nb"])
def test_kind_that_is_the_logs_own_or_invalid_is_malformed(kind: str) -> None:
    answer = checked(event(kind))
    assert answer.kind == "malformed" and answer.details["kind"] == kind[:255]


def test_nobody_else_is_the_log() -> None:
    assert checked(event(source="audit")).source == "/audit"
    assert checked(event(source="x" * 1000, robot="\ud800")).robot == "?"


def test_flood_is_counted_and_does_not_drown_others() -> None:
    bench = Bench(rate=10.0, burst=5)
    bench.take(*range(1, 1001), source="/flood")
    bench.take(1, source="/quiet")
    assert bench.kinds() == ["refusal"] * 6
    bench.clock.pass_time(1.0)
    bench.intake.tick()
    assert bench.stored[-1].kind == "suppressed"
    details = bench.stored[-1].details
    assert (details["source"], details["events"]) == ("/flood", 995)
    bench.intake.tick()
    bench.take(1001, source="/flood")
    assert bench.kinds()[-2:] == ["suppressed", "refusal"], "no gap is named for what was counted"


def test_flood_does_not_take_the_stops_place() -> None:
    bench = Bench(rate=10.0, burst=5)
    bench.take(*range(1, 100))
    bench.intake.take(dataclasses.replace(stop_event(), sequence=100))
    assert bench.kinds()[-1] == "stop"


def test_flood_of_gaps_is_limited() -> None:
    bench = Bench(rate=10.0, burst=5)
    bench.take(*range(1, 2001, 2))
    bench.intake.finish()
    assert bench.kinds().count("sequence_gap") <= 6


def test_flood_of_sources_shares_one_rate() -> None:
    bench = Bench(rate=10.0, burst=5, sources=4)
    for number in range(500):
        bench.take(1, source=f"/forged_{number}")
    assert len(bench.stored) <= 10
    bench.intake.tick()
    assert bench.stored[-1].details["source"] == OTHERS


def test_throttle_forgets_idle_sources() -> None:
    throttle = Throttle(ThrottleConfig(rate=10.0, burst=5, sources=2))
    assert all(throttle.admit(name, (name,), 0) for name in "ab")
    assert all(throttle.admit("c", ("c",), 1_000_000 + place) for place in range(5))
    assert throttle.take_suppressed() == {}


@given(st.lists(st.integers(0, 400_000), max_size=200))
def test_throttle_stores_no_more_than_burst_and_rate(steps: list[int]) -> None:
    throttle = Throttle(ThrottleConfig(rate=5.0, burst=3))
    now, stored = 0, 0
    for step in steps:
        now += step
        stored += throttle.admit("a", ("a",), now)
    assert stored <= 3 + now * 5e-6 + 1e-6
    assert stored + throttle.take_suppressed().get("a", 0) == len(steps)


def test_tracker_stays_small() -> None:
    tracker = SequenceTracker()
    for number in range(2 * MOST_SOURCES):
        tracker.note(event(source=f"/{number}", sequence=1))
    assert len(tracker._sources) == MOST_SOURCES
    for sequence in range(1, 2 * WINDOW):
        assert tracker.note(event(sequence=sequence)) is Arrival.NEW
    assert tracker.note(event(sequence=2 * WINDOW - 1)) is Arrival.REPEATED
    assert all(len(seen.contents) <= WINDOW for seen in tracker._sources.values())


@given(st.lists(st.integers(1, 40), max_size=60))
def test_every_number_is_new_once_and_every_gap_is_named_or_filled(sequences: list[int]) -> None:
    tracker, missing, seen = SequenceTracker(), MissingEvents(), set[int]()
    for sequence in sequences:
        arrival = tracker.note(event(sequence=sequence))
        missing.note(event(sequence=sequence), 0.0)
        assert arrival is (Arrival.REPEATED if sequence in seen else Arrival.NEW)
        seen.add(sequence)
    named = [number for gap in missing.take_given_up(math.inf) for number in range(gap.first, gap.last + 1)]
    assert sorted(named) == sorted(set(range(1, max(seen, default=1))) - seen)


def test_gaps_of_forged_sources_stay_few() -> None:
    missing = MissingEvents()
    for number in range(1000):
        missing.note(event(source=f"/{number}", sequence=9), 0.0)
        missing.note(event(source="/one", sequence=3 * number + 2), 0.0)
    assert len(missing.wanted()) == MOST_SOURCES
    assert len(missing.take_given_up(0.0)) > 900 and missing.take_given_up(0.0) == []


def test_source_numbers_its_events() -> None:
    clock = FakeClock()
    source = EventSource("/node", clock.clock)
    first, second = source.event("a", {}), source.event("stop", {"b": object()}, "arm", "me", Durability.NOW)
    assert (first.sequence, second.sequence) == (1, 2)
    assert first.session == second.session == source.session != EventSource("/node").session
    assert second.details == {"b": "<object>"} and second.is_durable and not first.is_durable
    third, before = source.event("late", {}, age=0.25), source.event("now", {})
    assert (before.wall_us - third.wall_us, before.monotonic_us - third.monotonic_us) == (250_000, 250_000)

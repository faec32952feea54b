"""Commands that are repeated, and tables that are full."""

from __future__ import annotations

import pytest

from strands_robots.control.refusal import Refusal, Refused
from strands_robots.control.sequences import SequenceTable


def refused(sequences: SequenceTable, source: str, sequence: int, expiry: float = 10.0, now: float = 0.0) -> Refused:
    with pytest.raises(Refused) as caught:
        sequences.check(source, "command", sequence, expiry, now)
    return caught.value


def full(capacity: int = 3) -> SequenceTable:
    sequences = SequenceTable(capacity)
    for number in range(capacity):
        sequences.check(f"agent/{number}", "command", 5, 10.0, 0.0)
    return sequences


def test_equal_and_lower_sequences_are_refused_and_told_the_last() -> None:
    sequences = SequenceTable()
    sequences.check("agent/a", "command", 5, 1.0, 0.0)
    for sequence in (5, 4):
        error = refused(sequences, "agent/a", sequence)
        assert error.refusal is Refusal.SEQUENCE and "the last was 5" in str(error)
    sequences.check("agent/a", "command", 6, 1.0, 0.0)


def test_each_topic_has_a_sequence_of_its_own() -> None:
    sequences = SequenceTable()
    sequences.check("agent/a", "command", 5, 1.0, 0.0)
    sequences.check("agent/a", "action_chunk", 1, 1.0, 0.0)


def test_full_table_refuses_new_sources_and_goes_on_with_those_it_knows() -> None:
    sequences = full()
    error = refused(sequences, "agent/new", 1)
    assert error.refusal is Refusal.TOO_MANY_SOURCES and "at most 3" in str(error)
    sequences.check("agent/1", "command", 6, 10.0, 0.0)
    assert refused(sequences, "agent/1", 6).refusal is Refusal.SEQUENCE


def test_full_table_forgets_expired_sources_only() -> None:
    sequences = full()
    sequences.check("agent/1", "command", 6, 20.0, 0.0)
    refused(sequences, "agent/new", 1, now=10.0)
    sequences.check("agent/new", "command", 1, 30.0, 10.5)
    assert refused(sequences, "agent/1", 6, now=10.5).refusal is Refusal.SEQUENCE


def test_an_earlier_expiry_does_not_shorten_a_later_one() -> None:
    sequences = SequenceTable(1)
    sequences.check("agent/a", "command", 1, 20.0, 0.0)
    sequences.check("agent/a", "command", 2, 5.0, 0.0)
    refused(sequences, "agent/new", 1, now=10.0)

"""Refusals are counted by source and reason, in bounded memory, and each is told once."""

from __future__ import annotations

import pytest

from strands_robots.control.refusal_ledger import OTHERS, RefusalLedger


def test_each_source_and_reason_has_its_count_and_last_words() -> None:
    ledger = RefusalLedger()
    for number in range(3):
        ledger.count("policy/act", "expired", f"expired: {number}")
    ledger.count("policy/act", "lease", "lease: held")
    ledger.count("agent/x", "expired", "expired: late")
    taken = [(entry.source, entry.reason, entry.count, entry.last) for entry in ledger.take()]
    assert taken == [
        ("policy/act", "expired", 3, "expired: 2"),
        ("policy/act", "lease", 1, "lease: held"),
        ("agent/x", "expired", 1, "expired: late"),
    ]
    assert ledger.take() == []


@pytest.mark.guarantee(
    "Audit", "a flood of refused commands is counted by source and reason", "control/refusal_ledger.py"
)
def test_flood_of_sources_stays_bounded_and_loses_no_count() -> None:
    ledger = RefusalLedger(most=4)
    for number in range(10_000):
        ledger.count(f"forged/{number}", "latched", "latched")
        ledger.count(f"forged/{number}", "expired", "expired")
    taken = ledger.take()
    assert len(taken) <= 6
    assert sum(entry.count for entry in taken) == 20_000
    assert {entry.reason for entry in taken if entry.source == OTHERS} == {"latched", "expired"}

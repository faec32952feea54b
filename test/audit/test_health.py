"""A graph that is not recorded says so: audit_node that is silent, cannot write, or never came."""

from __future__ import annotations

from strands_robots.audit.watches.health import AuditHealth, AuditHealthConfig


def test_recorded_graph_has_no_problem() -> None:
    health = AuditHealth(AuditHealthConfig(), 100.0)
    health.see("", 101.0)
    assert health.is_recorded(102.0) and health.problem(102.0) == ""


def test_audit_node_that_starts_is_waited_for_but_nothing_counts_as_recorded() -> None:
    health = AuditHealth(AuditHealthConfig(grace=10.0), 100.0)
    assert not health.is_recorded(109.0) and health.problem(109.0) == ""
    assert "no audit_node was heard for 11 s" in health.problem(111.0)


def test_silence_is_a_problem_and_a_word_ends_it() -> None:
    health = AuditHealth(AuditHealthConfig(silence=3.0), 0.0)
    health.see("", 1.0)
    assert health.problem(4.0) == ""
    assert "silent for 5 s" in health.problem(6.0) and not health.is_recorded(6.0)
    health.see("", 6.1)
    assert health.problem(6.2) == ""


def test_alarm_of_audit_node_is_told_in_its_words() -> None:
    health = AuditHealth(AuditHealthConfig(), 0.0)
    health.see("No space left on device", 1.0)
    assert health.problem(1.1) == "NOT RECORDED: No space left on device"
    assert not health.is_recorded(1.1)

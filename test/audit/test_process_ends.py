"""Ends of processes go from bringup, which is no node, to the log: whole lines only, and each once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from strands_robots.audit.event import Event
from strands_robots.audit.intake.intake import Intake
from strands_robots.audit.intake.throttle import ThrottleConfig
from strands_robots.audit.watches.process_ends import ProcessEnds
from strands_robots.bringup.exit_journal import EndJournal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "run-1" / "process_ends.jsonl"


def test_end_of_a_process_becomes_an_event_once(path: Path) -> None:
    ends, journal = ProcessEnds(path, "run-1"), EndJournal(path)
    assert ends.take() == []
    journal.write("policy_node", -9, "policy_node was killed by SIGKILL; restart 1 of 3 in 0.5 s")
    journal.write("sim_node", 1, "sim_node ended with exit code 1; the graph ends")
    first, second = ends.take()
    assert (first.kind, first.source, first.session, first.sequence) == ("process_end", "bringup", "run-1", 1)
    assert (first.details["process"], first.details["exit_code"]) == ("policy_node", -9)
    assert (second.sequence, second.details["process"], second.is_durable) == (2, "sim_node", True)
    assert ends.take() == []
    assert path.stat().st_mode & 0o777 == 0o600


def test_line_that_is_still_being_written_waits(path: Path) -> None:
    ends, journal = ProcessEnds(path, "run-1"), EndJournal(path)
    journal.write("a", 1, "one")
    whole = path.read_bytes()
    path.write_bytes(whole[:20])
    assert ends.take() == []
    path.write_bytes(whole)
    assert [event.sequence for event in ends.take()] == [1]


def test_garbage_is_skipped(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no json\n[1]\n{}\n\xff\xfe\n")
    EndJournal(path).write("a", 1, "one")
    assert [event.details["process"] for event in ProcessEnds(path, "r").take()] == ["a"]


def test_restarted_audit_node_stores_no_end_twice(path: Path) -> None:
    stored: list[Event] = []
    EndJournal(path).write("a", 1, "one")
    for _ in range(2):
        intake = Intake(stored.append, ThrottleConfig())
        for event in list(stored):
            intake.remember(event)
        for event in ProcessEnds(path, "r").take():
            intake.take(event)
    assert len(stored) == 1


def test_folder_in_the_way_is_no_end(path: Path) -> None:
    path.mkdir(parents=True)
    assert ProcessEnds(path, "r").take() == []


def test_link_in_the_way_is_not_followed_and_said(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.parent.mkdir(parents=True)
    (tmp_path / "other").write_text("")
    os.symlink(tmp_path / "other", path)
    EndJournal(path).write("a", 1, "one")
    assert (tmp_path / "other").read_text() == ""
    assert "the end of a cannot be handed to audit_node" in capsys.readouterr().err
    assert ProcessEnds(path, "r").take() == []

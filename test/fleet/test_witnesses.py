"""Witnessed audit: what members have seen of a log cannot be taken back, nor told differently to another member."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet_rig import Fleet

from strands_robots.audit.audit_key import LogKeys, load_or_create_keys
from strands_robots.audit.event import Event
from strands_robots.audit.log.checkpoint import Checkpoint as LogCheckpoint
from strands_robots.audit.log.checkpoint import parse_checkpoint_text
from strands_robots.audit.log.store import AuditStore, StoreConfig
from strands_robots.audit.read.reader import FolderReader
from strands_robots.fleet.bodies import Beacon, Checkpoint
from strands_robots.fleet.peer_watch import PeerWatch
from strands_robots.fleet.presence import Presence
from strands_robots.fleet.roster import Roster
from strands_robots.fleet.witness_verify import Finding, verify_witnesses


class Log:
    """A real audit log of arm1 and its newest checkpoint."""

    def __init__(self, folder: Path, keys: LogKeys) -> None:
        self.folder, self.keys, self.sequence = folder, keys, 0

    def write(self, count: int, word: str = "moved") -> Checkpoint:
        store = AuditStore(self.folder, self.keys, StoreConfig())
        store.open()
        store.write([self._event(word) for _ in range(count)])
        store.close()
        return _carried(parse_checkpoint_text((self.folder / "HEAD").read_bytes()))

    def _event(self, word: str) -> Event:
        self.sequence += 1
        return Event(
            kind="tool_call", source="test", actor="", details={"word": word}, session="s", sequence=self.sequence,
            wall_us=1, monotonic_us=1,
        )  # fmt: skip

    def copy(self, folder: Path) -> Log:
        shutil.copytree(self.folder, folder)
        return Log(folder, self.keys)


def _carried(given: LogCheckpoint) -> Checkpoint:
    return Checkpoint(
        log=given.log, next_index=given.head.next_index, head=given.head.hash, key=given.key,
        signature=given.signature, segment=given.segment, wall_us=given.wall_us,
    )  # fmt: skip


class Witness:
    """A member that keeps a ledger."""

    def __init__(self, fleet: Fleet, folder: Path, name: str) -> None:
        self.fleet, self.folder = fleet, folder / name
        self.folder.mkdir()
        self.presence = Presence(fleet.clock)
        self.watch = PeerWatch(self.presence, fleet.channel(name), self.folder, fleet.clock)
        self.channel = fleet.channel("arm1")

    def hear(self, checkpoint: Checkpoint | None, after: float = 11.0) -> list[str]:
        self.fleet.clock.time += after
        beacon = Beacon(session="a" * 32, state="armed", checkpoint=checkpoint)
        return [said.finding for said in self.watch.beacon(self.channel.seal("", beacon), beacon)]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    yield Log(tmp_path / "log", load_or_create_keys(tmp_path / "keys", create=True))


def verified(fleet: Fleet, *witnesses: Witness, log: Log | None = None) -> list[Finding]:
    roster = Roster("lab", 1, tuple(fleet.members.values()))
    logs = {"arm1": FolderReader(log.folder)} if log is not None else {}
    return verify_witnesses([witness.folder for witness in witnesses], roster, logs)[0]


def codes(findings: list[Finding]) -> set[tuple[str, str]]:
    return {(finding.code, finding.member) for finding in findings if finding.is_broken}


def test_a_log_that_only_grows_fits_what_was_seen_of_it(fleet: Fleet, tmp_path: Path, log: Log) -> None:
    eve = Witness(fleet, tmp_path, "eve")
    for _ in range(3):
        assert eve.hear(log.write(5)) == [""]
    assert codes(verified(fleet, eve, log=log)) == set()


def test_an_old_copy_put_back_is_found_at_once_and_afterwards(fleet: Fleet, tmp_path: Path, log: Log) -> None:
    eve = Witness(fleet, tmp_path, "eve")
    eve.hear(log.write(5))
    old = log.copy(tmp_path / "old")
    old_checkpoint = _carried(parse_checkpoint_text((old.folder / "HEAD").read_bytes()))
    eve.hear(log.write(5))
    assert codes(verified(fleet, eve, log=old)) == {("log_too_short", "arm1")}
    assert eve.hear(old_checkpoint) == ["smaller_index"]
    assert codes(verified(fleet, eve)) == {("rollback", "arm1")}


def test_a_log_rewritten_with_its_own_keys_is_found_in_another_head(fleet: Fleet, tmp_path: Path, log: Log) -> None:
    eve = Witness(fleet, tmp_path, "eve")
    log.write(1)
    twin = log.copy(tmp_path / "twin")
    eve.hear(log.write(5, "dropped the cube"))
    forged = twin.write(5, "placed the cube")
    assert codes(verified(fleet, eve, log=twin)) == {("log_differs", "arm1")}
    assert eve.hear(forged) == ["other_head"]


def test_two_histories_for_two_members_are_found_when_their_ledgers_meet(
    fleet: Fleet, tmp_path: Path, log: Log
) -> None:
    eve, anna = Witness(fleet, tmp_path, "eve"), Witness(fleet, tmp_path, "anna")
    log.write(1)
    twin = log.copy(tmp_path / "twin")
    assert eve.hear(log.write(5, "one")) == [""] and anna.hear(twin.write(5, "two")) == [""]
    assert codes(verified(fleet, eve)) == codes(verified(fleet, anna)) == set()
    assert codes(verified(fleet, eve, anna)) == {("equivocation", "arm1")}


def test_a_witness_that_starts_again_still_knows(fleet: Fleet, tmp_path: Path, log: Log) -> None:
    eve = Witness(fleet, tmp_path, "eve")
    old = log.write(5)
    eve.hear(old)
    eve.hear(log.write(5))
    eve.watch = PeerWatch(eve.presence, fleet.channel("eve"), eve.folder, fleet.clock)
    assert eve.hear(old) == ["smaller_index"]


def test_a_new_log_in_place_of_the_witnessed_one_is_named(fleet: Fleet, tmp_path: Path, log: Log) -> None:
    eve = Witness(fleet, tmp_path, "eve")
    eve.hear(log.write(5))
    fresh = Log(tmp_path / "fresh", log.keys)
    eve.hear(fresh.write(5))
    assert codes(verified(fleet, eve)) == {("other_log", "arm1")}


def test_silences_and_a_member_that_stopped_sending_are_named(fleet: Fleet, tmp_path: Path, log: Log) -> None:
    eve = Witness(fleet, tmp_path, "eve")
    eve.hear(log.write(1))
    eve.hear(log.write(1), after=40.0)
    fleet.clock.time += 100.0
    eve.watch.say_heard()
    findings = verified(fleet, eve)
    assert {finding.code for finding in findings} == {"silence", "stopped_sending"} and codes(findings) == set()
    words = {finding.member: finding.words for finding in findings if finding.code == "stopped_sending"}
    assert "100 s" in words["arm1"] and "at all" in words["arm2"]


def test_a_line_that_was_changed_in_a_ledger_is_found(fleet: Fleet, tmp_path: Path, log: Log) -> None:
    eve = Witness(fleet, tmp_path, "eve")
    eve.hear(log.write(5))
    path = eve.folder / "witness.jsonl"
    path.write_text(path.read_text().replace('"next_index":', '"next_index":1'))
    assert codes(verified(fleet, eve)) == {("forged", "arm1")}


def test_a_checkpoint_that_its_audit_key_did_not_sign_is_not_witnessed(fleet: Fleet, tmp_path: Path, log: Log) -> None:
    eve = Witness(fleet, tmp_path, "eve")
    forged = log.write(5).model_copy(update={"next_index": 1})
    assert eve.hear(forged) == [] and not (eve.folder / "witness.jsonl").exists()

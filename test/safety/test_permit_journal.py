"""The permits' file: a restart neither loses nor doubles a permit, and what is not understood is worth nothing."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from strands_robots.approvals import permit_journal
from strands_robots.approvals.approval_policy import ApprovalPolicy
from strands_robots.approvals.approval_refusal import ApprovalRefusal, ApprovalRefusedError
from strands_robots.approvals.permit_journal import PermitJournal
from strands_robots.approvals.permits import Moment, PermitAnswer
from strands_robots.core.errors import ConfigurationError

from .desks import BOB, POLICY, DiskDesk, request
from .operators import keyring


@pytest.fixture
def desk(tmp_path: Path) -> DiskDesk:
    return DiskDesk(tmp_path / "permits")


def refusal(desk: DiskDesk, answer: PermitAnswer) -> ApprovalRefusal:
    with pytest.raises(ApprovalRefusedError) as caught:
        desk.use(answer)
    return caught.value.refusal


def lines(desk: DiskDesk) -> list[dict[str, object]]:
    return [json.loads(line) for line in (desk.folder / "permits.jsonl").read_text().splitlines()]


def test_permit_survives_a_restart(desk: DiskDesk) -> None:
    answer = desk.approved(request(x=0.1))
    desk.restart()
    assert desk.problem == ""
    desk.use(answer)


def test_used_permit_stays_used_after_a_restart(desk: DiskDesk) -> None:
    answer = desk.approved()
    desk.use(answer)
    desk.restart()
    assert refusal(desk, answer) is ApprovalRefusal.UNKNOWN_PERMIT
    desk.restart()
    assert refusal(desk, answer) is ApprovalRefusal.UNKNOWN_PERMIT


def test_use_after_a_restart_survives_the_next(desk: DiskDesk) -> None:
    answer = desk.approved()
    desk.restart()
    desk.use(answer)
    desk.restart()
    assert refusal(desk, answer) is ApprovalRefusal.UNKNOWN_PERMIT


def test_pending_and_declined_requests_do_not_survive(desk: DiskDesk) -> None:
    pending = desk.ask(request(x=1))
    declined = desk.ask(request(x=2))
    desk.decide(declined, is_approved=False)
    desk.restart()
    for answer in (pending, declined):
        assert refusal(desk, answer) is ApprovalRefusal.UNKNOWN_PERMIT


def test_permit_expires_across_a_restart(desk: DiskDesk) -> None:
    answer = desk.approved()
    desk.wait(58.0)
    desk.restart()
    desk.wait(1.5)
    assert refusal(desk, answer) is ApprovalRefusal.EXPIRED
    late = desk.approved(request(x=1))
    desk.wait(61.0)
    desk.restart()
    assert refusal(desk, late) is ApprovalRefusal.UNKNOWN_PERMIT


def test_place_in_the_rate_limit_survives(desk: DiskDesk) -> None:
    for number in range(3):
        desk.approved(request(x=number))
    desk.restart()
    with pytest.raises(ApprovalRefusedError) as caught:
        desk.ask(request(x=9))
    assert caught.value.refusal is ApprovalRefusal.RATE_LIMITED


def test_permits_of_another_run_are_worth_nothing(desk: DiskDesk) -> None:
    answer = desk.approved()
    desk.restart(run="next run")
    assert refusal(desk, answer) is ApprovalRefusal.UNKNOWN_PERMIT


def test_secret_of_the_permit_is_not_in_the_file(desk: DiskDesk) -> None:
    answer = desk.approved()
    assert answer.permit_id not in (desk.folder / "permits.jsonl").read_text()
    assert stat.S_IMODE((desk.folder / "permits.jsonl").stat().st_mode) == 0o600


def test_record_that_was_cut_by_a_crash_was_told_to_nobody(desk: DiskDesk) -> None:
    answer = desk.approved()
    with (desk.folder / "permits.jsonl").open("a") as file:
        file.write('{"kind": "used", "permit": "')
    desk.restart()
    assert desk.problem == ""
    desk.use(answer)


Change = Callable[[list[dict[str, object]]], object]


@pytest.mark.parametrize(
    "change",
    [
        lambda records: records[1].update(fields='{"x":2}'),
        lambda records: records[1].update(asker="operator/anna"),
        lambda records: records[1].update(digest="0" * 64),
        lambda records: records[1].update(signature="00" * 64),
        lambda records: records[1].update(signature="zz"),
        lambda records: records[1].update(key="unknown"),
        lambda records: records[1].update(name="so101/other"),
        lambda records: records[1].update(request="other"),
        lambda records: records[1].update(text="other words"),
        lambda records: records[1].update(kind="other"),
        lambda records: records[1].pop("permit"),
        lambda records: records.pop(0),
        lambda records: records.insert(0, []),  # type: ignore[arg-type]
        lambda records: records.clear(),
    ],
)
def test_file_that_was_changed_makes_every_permit_void(desk: DiskDesk, change: Change) -> None:
    answer = desk.approved(request(x=1))
    records = lines(desk)
    change(records)
    (desk.folder / "permits.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    desk.restart()
    assert "void" in desk.problem
    assert refusal(desk, answer) is ApprovalRefusal.UNKNOWN_PERMIT


def test_permit_of_an_operator_who_was_taken_out_is_void(desk: DiskDesk) -> None:
    answer = desk.approved()
    desk.restart(operators=keyring(BOB))
    assert "not in the keyring" in desk.problem
    assert refusal(desk, answer) is ApprovalRefusal.UNKNOWN_PERMIT


def test_permit_for_what_is_forbidden_by_now_is_void(desk: DiskDesk) -> None:
    answer = desk.approved()
    rules = [{"name": "so101/**", "class": "forbidden"}]
    desk.restart(policy=ApprovalPolicy.model_validate({"version": 1, "rules": rules}))
    assert "forbidden now" in desk.problem
    assert refusal(desk, answer) is ApprovalRefusal.UNKNOWN_PERMIT


def test_wall_clock_that_went_backwards_makes_permits_void(desk: DiskDesk) -> None:
    answer = desk.approved()
    desk.now = Moment(desk.now.wall - 3600.0, desk.now.steady)
    desk.restart()
    assert "went backwards" in desk.problem
    assert refusal(desk, answer) is ApprovalRefusal.UNKNOWN_PERMIT


def test_full_disk_gives_no_permit(desk: DiskDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = desk.ask()
    monkeypatch.setattr(permit_journal.os, "write", lambda descriptor, data: 3)
    with pytest.raises(ApprovalRefusedError) as caught:
        desk.decide(answer)
    assert caught.value.refusal is ApprovalRefusal.NOT_RECORDED


def test_one_process_has_the_folder(desk: DiskDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permit_journal, "_PATIENCE", 0.0)
    with pytest.raises(ConfigurationError, match="another process"):
        PermitJournal(desk.folder, "run")


def test_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        PermitJournal(tmp_path / "file", "run")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(ConfigurationError, match="not writable by others"):
        PermitJournal(tmp_path / "open", "run")


def test_file_that_cannot_be_begun(desk: DiskDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.file.close()
    desk.file.close()
    journal = PermitJournal(desk.folder, "run")

    def fail(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(permit_journal.os, "rename", fail)
    with pytest.raises(ConfigurationError, match="Read-only file system"):
        journal.open(POLICY, keyring(BOB), desk.now)
    journal.close()


def test_half_a_file_of_an_earlier_start_is_removed(desk: DiskDesk) -> None:
    answer = desk.approved()
    (desk.folder / f".permits.jsonl.{os.getpid()}").write_text("half")
    desk.restart()
    assert sorted(os.listdir(desk.folder)) == ["LOCK", "permits.jsonl"]
    desk.use(answer)

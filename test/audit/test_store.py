"""Storage: rotation, syncing, and what stays behind when the system refuses."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from strands_robots.audit.log.layout import HEAD_FILE, default_key_folder, default_log_folder
from strands_robots.audit.log.retention import plan_pruning
from strands_robots.audit.log.store import AuditStore, StoreConfig, SyncPolicy, WriteError
from strands_robots.audit.read.reader import FolderReader
from strands_robots.audit.read.verify import verify
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.private_folder import opened

from .faults import FaultyDisk
from .logs import (
    BOTH,
    OTHER_KEYS,
    PUBLIC_ONLY,
    FakeClock,
    check,
    codes,
    event,
    make_store,
    read_records,
    stop_event,
)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FaultyDisk:
    return FaultyDisk(monkeypatch)


def kinds(path: Path) -> list[str]:
    return [record.kind for record in read_records(path)]


def test_folder_and_files_are_private(tmp_path: Path) -> None:
    store = make_store(tmp_path / "a" / "log")
    store.open()
    store.close()
    assert (tmp_path / "a" / "log").stat().st_mode & 0o777 == 0o700
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "a" / "log").iterdir()}
    assert modes == {"000000.jsonl": 0o400, "HEAD": 0o600, "LOCK": 0o600}


def test_rotation_by_size_carries_the_chain_over(tmp_path: Path) -> None:
    store = make_store(tmp_path, segment_bytes=4000)
    store.open()
    for _ in range(40):
        store.write([event()])
    store.close()
    assert len(list(tmp_path.glob("*.jsonl"))) > 4
    assert all(path.stat().st_size < 6000 for path in tmp_path.glob("*.jsonl"))
    assert check(tmp_path).findings == []
    reasons = [record.details["reason"] for record in read_records(tmp_path) if record.kind == "segment_start"]
    assert reasons == ["open", *["size"] * (len(reasons) - 1)]


def test_rotation_by_age_happens_without_events(tmp_path: Path) -> None:
    clock = FakeClock()
    store = make_store(tmp_path, clock, segment_age=60.0)
    store.open()
    clock.pass_time(59.9)
    store.tick()
    assert len(list(tmp_path.glob("*.jsonl"))) == 1
    clock.pass_time(0.1)
    store.tick()
    store.close()
    assert len(list(tmp_path.glob("*.jsonl"))) == 2
    assert check(tmp_path).findings == []


def test_age_does_not_follow_the_wall_clock(tmp_path: Path) -> None:
    clock = FakeClock()
    store = make_store(tmp_path, clock, segment_age=60.0)
    store.open()
    clock.jump_us = -3600 * 10**6
    store.write([event()])
    store.tick()
    clock.jump_us = 3600 * 10**6
    store.tick()
    store.close()
    assert len(list(tmp_path.glob("*.jsonl"))) == 1
    assert check(tmp_path).findings == []


def test_checkpoints_come_by_number_and_by_time(tmp_path: Path) -> None:
    clock = FakeClock()
    store = make_store(tmp_path, clock, checkpoint_records=10, checkpoint_period=5.0)
    store.open()
    store.write([event() for _ in range(12)])
    assert kinds(tmp_path).count("checkpoint") == 1
    clock.pass_time(6.0)
    store.tick()
    assert kinds(tmp_path).count("checkpoint") == 1, "nothing new"
    store.write([event()])
    store.tick()
    assert kinds(tmp_path).count("checkpoint") == 2
    store.close()
    assert check(tmp_path, PUBLIC_ONLY).findings == []


def test_restart_continues_the_same_log(tmp_path: Path) -> None:
    logs = []
    for _ in range(3):
        store = make_store(tmp_path)
        store.open()
        store.write([event()])
        logs.append(store.log)
        store.close()
    assert len(set(logs)) == 1
    assert check(tmp_path).findings == []
    assert [record.index for record in read_records(tmp_path)] == list(range(12))


@pytest.mark.parametrize(
    ("policy", "durable", "synced"),
    [
        (SyncPolicy.BY_CLASS, False, False),
        (SyncPolicy.BY_CLASS, True, True),
        (SyncPolicy.ALWAYS, False, True),
        (SyncPolicy.NEVER, True, False),
    ],
)
def test_sync_follows_the_class_of_the_event(tmp_path: Path, policy: SyncPolicy, durable: bool, synced: bool) -> None:
    store = make_store(tmp_path, sync=policy)
    store.open()
    index = store.write([stop_event() if durable else event()])
    assert (store.synced_index > index) is synced
    store.write([event()], sync=True)
    assert (store.synced_index == store.head.next_index) is (policy is not SyncPolicy.NEVER)
    store.close()


def test_what_is_not_urgent_is_synced_by_the_next_tick(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    store.open()
    store.write([event()])
    store.tick()
    assert store.synced_index == store.head.next_index
    store.close()


def test_second_writer_is_refused(tmp_path: Path) -> None:
    first, second = make_store(tmp_path), make_store(tmp_path)
    first.open()
    with pytest.raises(ConfigurationError, match="by another process"):
        second.open()
    first.close()
    second.open()
    second.close()
    assert check(tmp_path).findings == []


def test_other_keys_are_refused(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    store.open()
    store.close()
    with pytest.raises(ConfigurationError, match="other keys"):
        AuditStore(tmp_path, OTHER_KEYS, StoreConfig()).open()


def test_folder_that_others_may_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigurationError, match="mode 0777"):
        make_store(tmp_path).open()


def test_closed_store_refuses_to_write(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    with pytest.raises(WriteError, match="not open"):
        store.write([event()])
    with pytest.raises(WriteError, match="not open"):
        store.tick()
    store.close()


@pytest.mark.parametrize("space", range(0, 1200, 61))
def test_full_disk_leaves_whole_records_and_a_named_torn_end(tmp_path: Path, disk: FaultyDisk, space: int) -> None:
    store = make_store(tmp_path)
    store.open()
    events = [event() for _ in range(3)]
    disk.space = space
    with pytest.raises(WriteError, match="No space") as caught:
        store.write(events)
    assert not store.is_open
    assert caught.value.reason == "ENOSPC: No space left on device"
    disk.space = None
    store.open()
    store.write(events[caught.value.written :])
    store.close()
    records = read_records(tmp_path)
    assert [record.event for record in records if record.kind == "refusal"] == events
    report = check(tmp_path)
    assert codes(report) <= {"torn"}
    start = [record for record in records if record.kind == "segment_start"][-1]
    assert start.details["reason"] == "error"
    assert ("recovered" in start.details) is ("torn" in codes(report))


def test_full_disk_does_not_fill_with_empty_segments(tmp_path: Path, disk: FaultyDisk) -> None:
    store = make_store(tmp_path)
    store.open()
    disk.space = 0
    with pytest.raises(WriteError):
        store.write([event()])
    for _ in range(5):
        with pytest.raises(WriteError):
            store.open()
    assert len(list(tmp_path.glob("*.jsonl"))) == 1
    disk.space = None
    store.open()
    store.close()
    assert check(tmp_path).findings == []


def test_empty_segment_that_cannot_be_removed_is_named(
    tmp_path: Path, disk: FaultyDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store(tmp_path)
    store.open()
    disk.space = 0
    with pytest.raises(WriteError):
        store.write([event()])
    with monkeypatch.context() as patch:
        patch.setattr("strands_robots.core.private_folder.os.unlink", _refuse)
        with pytest.raises(WriteError):
            store.open()
    disk.space = None
    store.open()
    store.close()
    assert check(tmp_path).findings == []
    torn = read_records(tmp_path)[-3].details["recovered"]
    assert torn["torn"][0]["segment"] == 1  # type: ignore[index,call-overload]


def test_rotation_on_a_full_disk_loses_nothing(tmp_path: Path, disk: FaultyDisk) -> None:
    for space in (0, 700, 900, 1400, 1800):
        path = tmp_path / str(space)
        store = make_store(path, segment_bytes=10)
        store.open()
        disk.space = space
        with pytest.raises(WriteError) as caught:
            for _ in range(5):
                store.write([event(sequence=1)])
        assert caught.value.written == 0
        disk.space = None
        store.open()
        store.write([event(sequence=1)])
        store.close()
        assert codes(check(path)) <= {"torn"}


def test_checkpoint_on_a_full_disk_does_not_repeat_the_batch(tmp_path: Path, disk: FaultyDisk) -> None:
    store = make_store(tmp_path, checkpoint_records=2)
    store.open()
    disk.space = 500
    with pytest.raises(WriteError) as caught:
        store.write([event()])
    assert caught.value.written == 1


def test_failed_sync_names_the_records_in_doubt(tmp_path: Path, disk: FaultyDisk) -> None:
    store = make_store(tmp_path)
    store.open()
    store.write([event()])
    disk.sync_error = errno.EIO
    with pytest.raises(WriteError) as caught:
        store.write([stop_event()])
    assert (caught.value.written, store.unsynced, store.is_open) == (1, (1, 2), False)
    disk.sync_error = 0
    store.open()
    store.close()
    assert check(tmp_path).findings == []


def test_removed_segment_is_noticed_while_it_is_written(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    store.open()
    (tmp_path / "000000.jsonl").unlink()
    with pytest.raises(WriteError, match="removed while"):
        store.write([stop_event()])
    store.open()
    store.close()
    assert "segment_missing" in codes(check(tmp_path))


def test_removed_folder_is_noticed_and_made_again(tmp_path: Path) -> None:
    path = tmp_path / "log"
    store = make_store(path)
    store.open()
    path.rename(tmp_path / "moved")
    with pytest.raises(WriteError, match="moved or removed"):
        store.tick()
    store.open()
    store.write([stop_event()])
    store.close()
    assert "segment_missing" in codes(check(path))
    assert read_records(path)[-1].kind == "log_end"


def test_link_in_the_place_of_the_next_segment_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    store = make_store(path, segment_bytes=10)
    store.open()
    (path / "000001.jsonl").symlink_to(tmp_path / "target")
    with pytest.raises(WriteError, match="exists"):
        store.write([event()])
    assert not (tmp_path / "target").exists()
    store.open()
    store.write([event()])
    store.close()
    assert codes(verify(FolderReader(path), BOTH)) == {"not_a_file"}
    (path / "000001.jsonl").unlink()
    assert codes(check(path)) <= {"segment_missing"} and not check(path).is_broken


@pytest.mark.parametrize("obstacle", ["link", "folder", "pipe"])
def test_obstacle_in_the_place_of_head_is_an_alarm_and_no_loss(tmp_path: Path, obstacle: str) -> None:
    path = tmp_path / "log"
    path.mkdir(mode=0o700)
    if obstacle == "link":
        (path / HEAD_FILE).symlink_to(tmp_path / "target")
    elif obstacle == "folder":
        (path / HEAD_FILE).mkdir()
    else:
        os.mkfifo(path / HEAD_FILE)
    store = make_store(path)
    store.open()
    store.write([event()])
    assert "HEAD" in store.head_problem
    assert not (tmp_path / "target").exists()
    (path / HEAD_FILE).rmdir() if obstacle == "folder" else (path / HEAD_FILE).unlink()
    store.write([event()])
    assert store.head_problem == ""
    store.close()
    assert check(path).findings == []


@pytest.mark.parametrize("name", ["log", "log/LOCK"])
def test_link_in_the_place_of_folder_or_lock_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "target").mkdir()
    if name != "log":
        (tmp_path / "log").mkdir(mode=0o700)
    (tmp_path / name).symlink_to(tmp_path / "target")
    with pytest.raises(OSError):
        make_store(tmp_path / "log").open()
    assert list((tmp_path / "target").iterdir()) == []


def test_first_start_that_fails_begins_anew(tmp_path: Path, disk: FaultyDisk) -> None:
    store = make_store(tmp_path)
    disk.space = 100
    with pytest.raises(WriteError):
        store.open()
    assert store.log == ""
    disk.space = None
    store.open()
    store.close()
    assert check(tmp_path).findings == []


def test_oldest_segments_are_removed_after_a_record_that_names_them(tmp_path: Path) -> None:
    store = make_store(tmp_path, segment_bytes=3000, keep_bytes=12_000)
    store.open()
    for _ in range(100):
        store.write([event()])
    store.close()
    sizes = {path.name: path.stat().st_size for path in sorted(tmp_path.glob("*.jsonl"))}
    assert "000000.jsonl" not in sizes and sum(sizes.values()) < 20_000
    report = check(tmp_path)
    assert report.findings == []
    (tmp_path / min(sizes)).unlink()
    assert "segment_missing" in codes(check(tmp_path))


def test_interrupted_removal_is_no_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = make_store(tmp_path, segment_bytes=3000, keep_bytes=12_000)
    store.open()
    monkeypatch.setattr("strands_robots.core.private_folder.os.unlink", _refuse)
    with pytest.raises(WriteError):
        for _ in range(100):
            store.write([event()])
    monkeypatch.undo()
    store.open()
    store.close()
    assert check(tmp_path).findings == []


@pytest.mark.parametrize("damage", [b"", b"damaged\n"])
def test_nothing_is_removed_before_a_damaged_segment(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "000000.jsonl").write_bytes(b"x" * 5000)
    (tmp_path / "000001.jsonl").write_bytes(damage)
    with opened(tmp_path) as folder:
        assert plan_pruning(folder, 1000) is None
        assert plan_pruning(folder, 10_000) is None


def _refuse(*args: object, **kwargs: object) -> None:
    raise OSError(errno.EROFS, "Read-only file system")


def test_default_folders_keep_graphs_apart() -> None:
    folders = {
        default_log_folder({"ROS_HOME": "/r", "ROS_DOMAIN_ID": domain}, namespace)
        for domain in ("", "7")
        for namespace in ("/", "/lab", "/lab/two")
    }
    assert len(folders) == 6
    assert default_log_folder({}, "").name == "domain0"
    assert default_key_folder({"ROS_HOME": "/r"}) not in {parent for folder in folders for parent in folder.parents}

"""The writer's thread: callers never wait, and what could not be written is named."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from strands_robots.audit.event import Event
from strands_robots.audit.log.record import Record
from strands_robots.audit.log.store import AuditStore, StoreConfig
from strands_robots.audit.log.writer import AuditWriter, DurableEvent, WriterConfig
from strands_robots.core.errors import ConfigurationError

from .faults import FaultyDisk
from .logs import KEYS, OTHER_KEYS, check, codes, event, read_records, stop_event

FAST = WriterConfig(capacity=100, batch=16, sync_period=0.02, retry_period=0.01)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FaultyDisk:
    return FaultyDisk(monkeypatch)


def make_writer(
    path: Path,
    config: WriterConfig = FAST,
    on_written: Callable[[Sequence[DurableEvent]], None] | None = None,
    **options: object,
) -> AuditWriter:
    store = AuditStore(path, KEYS, StoreConfig(lock_patience=0.0, **options))  # type: ignore[arg-type]
    return AuditWriter(store, config, on_written=on_written)


def wait_for(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.002)


def of_kind(path: Path, kind: str) -> list[Record]:
    return [record for record in read_records(path) if record.kind == kind]


def events_of(path: Path) -> list[Event]:
    return [record.event for record in read_records(path) if record.event.source != "audit"]


def test_events_are_written_in_order_and_the_log_ends(tmp_path: Path) -> None:
    writer = make_writer(tmp_path)
    writer.start()
    events = [event() for _ in range(70)]
    assert all(writer.submit(entry) for entry in events)
    assert writer.close(5.0)
    assert events_of(tmp_path) == events
    assert check(tmp_path).findings == []
    assert (writer.status.alarm, writer.status.lost, writer.status.pending) == ("", 0, 0)


def test_durable_event_is_confirmed_once_it_is_synced(tmp_path: Path) -> None:
    written: list[DurableEvent] = []
    writer = make_writer(tmp_path, on_written=written.extend)
    writer.start()
    stop = stop_event()
    writer.submit(event())
    writer.submit(stop)
    wait_for(lambda: written, "confirmation")
    assert writer.status.synced_index > written[0].index or writer.close(5.0)
    writer.close(5.0)
    assert [entry.event for entry in written] == [stop]
    assert read_records(tmp_path)[written[0].index].event.sequence == stop.sequence


def test_nothing_is_confirmed_that_is_not_synced(tmp_path: Path, disk: FaultyDisk) -> None:
    written: list[DurableEvent] = []
    writer = make_writer(tmp_path, on_written=written.extend)
    writer.start()
    disk.sync_error = errno.EIO
    writer.submit(stop_event())
    wait_for(lambda: "EIO" in writer.status.alarm, "alarm")
    disk.sync_error = 0
    wait_for(lambda: not writer.status.alarm, "end of the alarm")
    assert writer.close(5.0)
    assert written == []
    poison = of_kind(tmp_path, "poison")[0]
    assert poison.details["lost"] == 0 and "unsynced" in poison.details
    assert codes(check(tmp_path)) == set()


def test_idle_writer_syncs_within_its_period(tmp_path: Path) -> None:
    writer = make_writer(tmp_path)
    writer.start()
    writer.submit(event())
    wait_for(lambda: writer.status.synced_index >= 2, "sync")
    writer.close(5.0)


def test_full_disk_is_an_alarm_and_nothing_is_lost_that_memory_holds(tmp_path: Path, disk: FaultyDisk) -> None:
    writer = make_writer(tmp_path)
    writer.start()
    disk.space = 700
    events = [event() for _ in range(40)]
    for entry in events:
        writer.submit(entry)
    wait_for(lambda: "ENOSPC" in writer.status.alarm, "alarm")
    wait_for(lambda: writer.status.pending, "held events")
    disk.space = None
    wait_for(lambda: not writer.status.alarm and not writer.status.pending, "end of the alarm")
    assert writer.close(5.0)
    assert events_of(tmp_path) == events
    poison = of_kind(tmp_path, "poison")
    assert len(poison) == 1 and poison[0].details["lost"] == 0
    assert "ENOSPC" in str(poison[0].details["reason"])
    assert codes(check(tmp_path)) <= {"torn"}


def test_what_memory_could_not_hold_is_named_by_number_and_kind(tmp_path: Path, disk: FaultyDisk) -> None:
    writer = make_writer(tmp_path)
    writer.start()
    disk.space = 0
    writer.submit(event())
    wait_for(lambda: writer.status.alarm, "alarm")
    taken = [writer.submit(event()) for _ in range(150)]
    stops = [writer.submit(stop_event()) for _ in range(25)]
    assert taken.count(True) <= 80 and any(stops), "the last fifth is kept for stops"
    lost = taken.count(False) + stops.count(False)
    assert writer.submit(event()) is False
    disk.space = None
    wait_for(lambda: not writer.status.alarm and not writer.status.pending, "end of the alarm")
    assert writer.close(5.0)
    details = of_kind(tmp_path, "poison")[0].details
    assert details["lost"] == lost + 1 == writer.status.lost
    assert details["lost_kinds"] == {"refusal": taken.count(False) + 1, "stop": stops.count(False)}
    assert isinstance(details["began_us"], int) and details["began_us"] <= details["ended_us"]  # type: ignore[operator]
    assert codes(check(tmp_path)) - {"torn"} == {"lost"}


def test_overflow_without_a_fault_is_named_too(tmp_path: Path) -> None:
    writer = make_writer(tmp_path)
    while writer.submit(event()):
        pass
    writer.start()
    wait_for(lambda: not writer.status.pending, "writing")
    writer.submit(event())
    assert writer.close(5.0)
    poison = of_kind(tmp_path, "poison")
    assert len(poison) == 1 and poison[0].details["reason"] == "the writer's memory was full"
    assert poison[0].details["lost"] == 1


def test_disk_that_never_recovers_ends_with_an_alarm(tmp_path: Path, disk: FaultyDisk) -> None:
    writer = make_writer(tmp_path)
    writer.start()
    disk.space = 0
    writer.submit(stop_event())
    wait_for(lambda: writer.status.alarm, "alarm")
    assert writer.close(5.0) is False
    assert "ENOSPC" in writer.status.alarm and writer.status.pending == 1


def test_disk_that_fails_at_the_very_end_is_an_alarm(tmp_path: Path, disk: FaultyDisk) -> None:
    writer = make_writer(tmp_path)
    writer.start()
    writer.submit(stop_event())
    wait_for(lambda: writer.status.head.next_index == 2, "writing")
    disk.space = 100
    assert writer.close(5.0) is False
    assert "ENOSPC" in writer.status.alarm


def test_folder_that_cannot_be_made_is_an_alarm_and_tried_again(tmp_path: Path) -> None:
    (tmp_path / "in the way").write_text("a file")
    writer = make_writer(tmp_path / "in the way" / "log")
    writer.start()
    assert "Not a directory" in writer.status.alarm
    assert writer.submit(stop_event())
    (tmp_path / "in the way").unlink()
    wait_for(lambda: not writer.status.alarm and not writer.status.pending, "end of the alarm")
    assert writer.close(5.0)
    records = read_records(tmp_path / "in the way" / "log")
    assert [record.kind for record in records][:3] == ["segment_start", "poison", "stop"]


def test_folder_that_became_another_writers_is_an_alarm(tmp_path: Path) -> None:
    path = tmp_path / "log"
    writer = make_writer(path)
    writer.start()
    path.rename(tmp_path / "moved")
    path.mkdir(mode=0o777)
    path.chmod(0o777)
    wait_for(lambda: "mode 0777" in writer.status.alarm, "alarm")
    path.chmod(0o700)
    wait_for(lambda: not writer.status.alarm, "end of the alarm")
    assert writer.close(5.0)


def test_wrong_keys_are_no_alarm_but_an_error(tmp_path: Path) -> None:
    writer = make_writer(tmp_path)
    writer.start()
    writer.close(5.0)
    store = AuditStore(tmp_path, OTHER_KEYS, StoreConfig())
    with pytest.raises(ConfigurationError, match="other keys"):
        AuditWriter(store, FAST).start()


def test_thread_that_ended_by_itself_is_an_alarm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda arguments: None)

    def fail(written: Sequence[DurableEvent]) -> None:
        raise ZeroDivisionError

    writer = make_writer(tmp_path, on_written=fail)
    assert "not running" in writer.status.alarm
    writer.start()
    writer.submit(stop_event())
    wait_for(lambda: "not running" in writer.status.alarm, "alarm")


def test_callers_do_not_wait_for_a_disk_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hang = threading.Event()
    writer = make_writer(tmp_path)
    writer.start()
    monkeypatch.setattr("strands_robots.audit.log.segment.os.fdatasync", lambda file: hang.wait(10.0))
    writer.submit(stop_event())
    begin = time.monotonic()
    for _ in range(500):
        writer.submit(event())
    assert time.monotonic() - begin < 1.0
    assert writer.close(0.05) is False
    hang.set()
    wait_for(lambda: not writer._thread.is_alive(), "end")

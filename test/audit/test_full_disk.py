"""A file system that is really full: a tmpfs of 256 KiB."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_disk import mounted

from strands_robots.audit.log.store import AuditStore, StoreConfig
from strands_robots.audit.log.writer import AuditWriter, WriterConfig

from .logs import KEYS, check, codes, event, read_records, stop_event


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path, "256k", "mode=0700") as disk:
        yield disk


def wait_for(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.002)


def test_full_disk_raises_an_alarm_and_is_named_once_there_is_room(small_disk: Path) -> None:
    path = small_disk / "log"
    store = AuditStore(path, KEYS, StoreConfig(segment_bytes=20_000))
    writer = AuditWriter(store, WriterConfig(capacity=2000, sync_period=0.02, retry_period=0.02))
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 100_000)
    writer.start()
    sent = 0
    while not writer.status.alarm:
        begin = time.monotonic()
        sent += writer.submit(event("note", sequence=sent + 1))
        assert time.monotonic() - begin < 0.5, "the caller waits for the disk"
        time.sleep(0.0002)
    assert "ENOSPC" in writer.status.alarm
    for _ in range(50):
        sent += writer.submit(event("note", sequence=sent + 1))
    assert writer.submit(stop_event())
    ballast.unlink()
    wait_for(lambda: not writer.status.alarm and not writer.status.pending, "end of the alarm")
    assert writer.close(5.0)
    records = read_records(path)
    assert [record.event.sequence for record in records if record.kind == "note"] == list(range(1, sent + 1))
    poison = [record for record in records if record.kind == "poison"]
    assert poison and all("ENOSPC" in str(record.details["reason"]) for record in poison)
    assert records.index(poison[0]) < [record.kind for record in records].index("stop")
    assert codes(check(path)) <= {"torn"}

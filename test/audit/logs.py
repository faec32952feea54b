"""Logs for tests: fixed keys, a clock that ticks when it is read, and a reader whose log lies in memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from strands_robots.audit.audit_key import LogKeys, MacKey, SigningKey
from strands_robots.audit.event import AuditClock, Durability, Event
from strands_robots.audit.log.checkpoint import Checkpoint
from strands_robots.audit.log.layout import HEAD_FILE, segment_name, segment_numbers
from strands_robots.audit.log.lines import LogLine, read_lines
from strands_robots.audit.log.record import Record
from strands_robots.audit.log.store import AuditStore, StoreConfig
from strands_robots.audit.read.findings import Report
from strands_robots.audit.read.query import Query, records
from strands_robots.audit.read.reader import FolderReader
from strands_robots.audit.read.verify import VerifyKeys, verify
from strands_robots.core.private_folder import opened

KEYS = LogKeys(MacKey(bytes(range(32))), SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))))
OTHER_KEYS = LogKeys(MacKey(bytes(32)), SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(32))))
BOTH = VerifyKeys(KEYS.mac, KEYS.signing.public)
MAC_ONLY = VerifyKeys(mac=KEYS.mac)
PUBLIC_ONLY = VerifyKeys(public=KEYS.signing.public)

START_US = 1_700_000_000_000_000


class FakeClock:
    """Both clocks stand still until `pass_time`."""

    def __init__(self) -> None:
        self.us = 0
        self.jump_us = 0
        self.clock = AuditClock(lambda: START_US + self.us + self.jump_us, lambda: self.us)

    def pass_time(self, seconds: float) -> None:
        self.us += round(seconds * 1e6)


_NUMBERS = itertools.count(1)


def event(kind: str = "refusal", sequence: int = 0, source: str = "/sim_node", **values: object) -> Event:
    members: dict[str, object] = {"robot": "so101", "details": {"reason": "limit", "count": 3}, **values}
    return Event(kind, source, "session", sequence or next(_NUMBERS), START_US, 1_000_000, **members)  # type: ignore[arg-type]


def stop_event() -> Event:
    return event("stop", actor="operator/anna", durability=Durability.NOW)


def make_store(path: Path, clock: FakeClock | None = None, **options: object) -> AuditStore:
    config = StoreConfig(lock_patience=0.0, **options)  # type: ignore[arg-type]
    return AuditStore(path, KEYS, config, (clock or FakeClock()).clock)


def write_log(path: Path, count: int = 20, segments: int = 3) -> None:
    """Write a log of several segments that ended in order."""
    clock = FakeClock()
    store = make_store(path, clock, segment_age=10.0)
    store.open()
    for number in range(segments):
        if number:
            clock.pass_time(10.0)
            store.tick()
        store.write([event(sequence=number * count + place + 1) for place in range(count)])
    store.close()


class MemoryLog:
    """A log in memory, to change it at will. `files` maps names to bytes."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    @classmethod
    def of(cls, path: Path) -> MemoryLog:
        with opened(path) as folder:
            names = [segment_name(number) for number in segment_numbers(folder.names())]
            names += [HEAD_FILE] if HEAD_FILE in folder.names() else []
            return cls({name: folder.read(name, 1 << 30) for name in names})

    def segments(self) -> Sequence[int]:
        return segment_numbers(self.files)

    def lines(self, segment: int) -> Iterator[LogLine]:
        return read_lines([self.files[segment_name(segment)]])

    def head(self) -> bytes | None:
        return self.files.get(HEAD_FILE)

    def edit(self, segment: int, change: object) -> None:
        """Replace a segment's lines by what `change` returns of them."""
        lines = self.files[segment_name(segment)].splitlines(keepends=True)
        self.files[segment_name(segment)] = b"".join(change(lines))  # type: ignore[operator]


def check(path: Path, keys: VerifyKeys = BOTH, anchors: Sequence[Checkpoint] = ()) -> Report:
    return verify(MemoryLog.of(path), keys, anchors)


def codes(report: Report) -> set[str]:
    return set(report.counts)


def read_records(path: Path) -> list[Record]:
    return [record for record, _ in records(FolderReader(path), Query())]

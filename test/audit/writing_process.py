"""A process that writes events until it is killed, and prints what is on the disk: `writing_process.py <folder>`."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from strands_robots.audit.audit_key import load_or_create_keys
from strands_robots.audit.event import Durability
from strands_robots.audit.intake.source import EventSource
from strands_robots.audit.log.store import AuditStore, StoreConfig
from strands_robots.audit.log.writer import AuditWriter, DurableEvent, WriterConfig


def confirm(written: Sequence[DurableEvent]) -> None:
    print(written[-1].event.sequence, flush=True)


def main(folder: Path) -> None:
    keys = load_or_create_keys(folder / "keys", create=True)
    store = AuditStore(folder / "log", keys, StoreConfig(segment_bytes=50_000, checkpoint_records=50))
    writer = AuditWriter(store, WriterConfig(sync_period=0.02), on_written=confirm)
    writer.start()
    source = EventSource("/writing_process")
    for number in itertools.count():
        urgent = number % 5 == 0
        durability = Durability.NOW if urgent else Durability.LATER
        writer.submit(
            source.event("approval" if urgent else "note", {"text": "x" * (number % 97)}, durability=durability)
        )
        if number % 20 == 0:
            time.sleep(0.001)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""The audit log: records a second with and without syncing, what a caller pays, time to the disk, and verification.

Run it with the package importable: python benchmarks/bench_audit.py [--records 20000] [--folder /somewhere/on/the/disk]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from _report import report

from strands_robots.audit.audit_key import LogKeys, load_or_create_keys
from strands_robots.audit.event import Durability, Event
from strands_robots.audit.intake.source import EventSource
from strands_robots.audit.log.store import AuditStore, StoreConfig, SyncPolicy
from strands_robots.audit.log.writer import AuditWriter, DurableEvent, WriterConfig
from strands_robots.audit.read.reader import FolderReader
from strands_robots.audit.read.verify import VerifyKeys, verify

REFERENCE = {
    "target": "a stop's caller pays microseconds; its record is on the disk within milliseconds",
    "load_expected_records_per_s": "5 to 50 (a graph with two robots)",
}


def make_events(count: int, durability: Durability = Durability.LATER) -> list[Event]:
    source = EventSource("/sim_node")
    details = {"reason": "limit", "count": 3, "last": "limit: shoulder_pan 3.2 rad is above 1.92 rad"}
    return [source.event("refusal", details, "so101", "policy/act", durability) for _ in range(count)]


def store_rate(folder: Path, keys: LogKeys, events: Sequence[Event], batch: int, sync: SyncPolicy) -> float:
    """Return records a second of the store alone, given batches of a size."""
    store = AuditStore(folder, keys, StoreConfig(sync=sync))
    store.open()
    begin = time.perf_counter()
    for place in range(0, len(events), batch):
        store.write(events[place : place + batch])
    seconds = time.perf_counter() - begin
    store.close()
    return len(events) / seconds


def submit_microseconds(folder: Path, keys: LogKeys, events: Sequence[Event]) -> np.ndarray:
    """Return what `submit` costs its caller while the writer works [us]."""
    writer = AuditWriter(AuditStore(folder, keys, StoreConfig()), WriterConfig(capacity=2 * len(events)))
    writer.start()
    times = []
    for event in events:
        begin = time.perf_counter()
        writer.submit(event)
        times.append(time.perf_counter() - begin)
    writer.close(60.0)
    return np.array(times) * 1e6


def disk_milliseconds(folder: Path, keys: LogKeys, events: Sequence[Event]) -> np.ndarray:
    """Return the time from `submit` of a lone urgent event to its confirmation [ms]."""
    done = threading.Event()
    written: list[DurableEvent] = []

    def confirm(batch: Sequence[DurableEvent]) -> None:
        written.extend(batch)
        done.set()

    writer = AuditWriter(AuditStore(folder, keys, StoreConfig()), WriterConfig(), on_written=confirm)
    writer.start()
    times = []
    for event in events:
        done.clear()
        begin = time.perf_counter()
        writer.submit(event)
        done.wait(5.0)
        times.append(time.perf_counter() - begin)
    writer.close(5.0)
    return np.array(times) * 1e3


def verify_rate(folder: Path, keys: VerifyKeys) -> float:
    """Return how fast a log is verified [MB/s]."""
    begin = time.perf_counter()
    result = verify(FolderReader(folder), keys)
    seconds = time.perf_counter() - begin
    assert not result.is_broken, result.findings
    return result.size / seconds * 1e-6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="a folder on the disk to measure, not a tmpfs")
    arguments = parser.parse_args()
    count: int = arguments.records
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix=".bench_audit_") as scratch:
        root = Path(scratch)
        keys = load_or_create_keys(root / "keys", create=True)
        events = make_events(count)
        figures = {
            "written_without_sync_records_per_s": store_rate(root / "a", keys, events, 256, SyncPolicy.NEVER),
            "written_sync_each_256_records_per_s": store_rate(root / "b", keys, events, 256, SyncPolicy.ALWAYS),
            "written_sync_each_record_records_per_s": store_rate(root / "c", keys, events[:2000], 1, SyncPolicy.ALWAYS),
        }
        submit = submit_microseconds(root / "d", keys, make_events(count))
        disk = disk_milliseconds(root / "e", keys, make_events(500, Durability.NOW))
        for name, values, unit in (("submit", submit, "us"), ("to_disk", disk, "ms")):
            for label, quantile in (("p50", 50), ("p99", 99), ("max", 100)):
                figures[f"{name}_{label}_{unit}"] = float(np.percentile(values, quantile))
        mac, public = keys.mac, keys.signing.public
        figures["verify_both_keys_mb_per_s"] = verify_rate(root / "a", VerifyKeys(mac, public))
        figures["verify_hmac_mb_per_s"] = verify_rate(root / "a", VerifyKeys(mac=mac))
        figures["verify_public_key_mb_per_s"] = verify_rate(root / "a", VerifyKeys(public=public))
        figures["bytes_per_record"] = sum(path.stat().st_size for path in (root / "a").glob("*.jsonl")) / count
        figures["load_during"] = os.getloadavg()[0]
        report("audit", figures, REFERENCE)


if __name__ == "__main__":
    main()

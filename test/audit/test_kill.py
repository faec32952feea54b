"""kill -9 of the writer at any moment: what it confirmed is there, and the log verifies."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from strands_robots.audit.audit_key import LogKeys, load_or_create_keys
from strands_robots.audit.log.store import AuditStore, StoreConfig
from strands_robots.audit.read.query import Query, records
from strands_robots.audit.read.reader import FolderReader
from strands_robots.audit.read.verify import VerifyKeys, verify

KILLS = 6
SCRIPT = Path(__file__).with_name("writing_process.py")


def write_until_killed(folder: Path, seconds: float) -> int:
    """Run the writing process for a while, kill it, and return the last sequence that it confirmed."""
    process = subprocess.Popen([sys.executable, str(SCRIPT), str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGKILL)
    rest = process.stdout.read()
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    whole = [line for line in (first + rest).splitlines(keepends=True) if line.endswith("\n")]
    return int(whole[-1])


def last_sequence(log: FolderReader) -> int:
    found = [record.event.sequence for record, _ in records(log, Query()) if record.event.source == "/writing_process"]
    return max(found)


@pytest.mark.timeout(120)
def test_killed_writer_leaves_a_log_that_verifies_and_holds_what_it_confirmed(tmp_path: Path) -> None:
    random_numbers = random.Random(1)
    keys: LogKeys | None = None
    for _ in range(KILLS):
        confirmed = write_until_killed(tmp_path, random_numbers.uniform(0.0, 0.4))
        keys = keys or load_or_create_keys(tmp_path / "keys", create=False)
        log = FolderReader(tmp_path / "log")
        newest = {record.event.session for record, _ in records(log, Query())}
        assert newest
        report = verify(log, VerifyKeys(keys.mac, keys.signing.public))
        assert not report.is_broken and not report.has_gaps, report.findings
        assert set(report.counts) <= {"torn", "unclean_end"}
        sequences = [
            record.event.sequence for record, _ in records(log, Query(kinds=("approval",)), log.segments()[-1] - 50)
        ]
        assert confirmed in sequences
    assert keys is not None
    store = AuditStore(tmp_path / "log", keys, StoreConfig())
    store.open()
    store.close()
    report = verify(FolderReader(tmp_path / "log"), VerifyKeys(public=keys.signing.public))
    assert set(report.counts) <= {"torn"}

"""The latch file is written behind the node's back, newest record last, and trouble is told."""

from __future__ import annotations

import threading
from pathlib import Path

from graph import wait_for

from strands_robots.safety.latch_file import LatchFile, LatchRecord
from strands_robots.safety.latch_writer import LatchWriter


class SlowFile(LatchFile):
    """Writes when the test lets it."""

    def __init__(self) -> None:
        super().__init__(Path("/nowhere"))
        self.may_write = threading.Semaphore(0)
        self.written: list[LatchRecord] = []

    def save(self, record: LatchRecord) -> None:
        self.may_write.acquire()
        self.written.append(record)


def test_last_record_is_on_the_disk_after_close(tmp_path: Path) -> None:
    file = LatchFile(tmp_path / "latch.json")
    writer = LatchWriter(file, on_error=lambda text: None)
    writer.submit(LatchRecord("run", "ARMED"))
    writer.submit(LatchRecord("run", "STOPPED", 1))
    writer.close(5.0)
    assert '"STOPPED"' in file.path.read_text()


def test_record_that_waits_is_replaced_by_a_newer_one() -> None:
    file = SlowFile()
    writer = LatchWriter(file, on_error=lambda text: None)
    for number in range(5):
        writer.submit(LatchRecord("run", "STOPPED", number))
    file.may_write.release(5)
    writer.close(5.0)
    assert file.written[-1].stop_id == 4
    assert len(file.written) <= 2


def test_close_does_not_wait_longer_than_told() -> None:
    writer = LatchWriter(SlowFile(), on_error=lambda text: None)
    writer.submit(LatchRecord("run", "STOPPED"))
    writer.close(0.05)


def test_trouble_is_told_and_over_when_the_next_write_works(tmp_path: Path) -> None:
    told: list[str] = []
    obstacle = tmp_path / "folder"
    obstacle.write_text("")
    writer = LatchWriter(LatchFile(obstacle / "latch.json"), told.append)
    writer.submit(LatchRecord("run", "ARMED"))
    wait_for(lambda: told)
    assert "cannot be written" in writer.problem
    obstacle.unlink()
    writer.submit(LatchRecord("run", "STOPPED"))
    wait_for(lambda: not writer.problem)
    writer.close(5.0)

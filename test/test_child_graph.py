"""A child process ends with its parent, however that ends, and not with the thread that asked for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from graph import wait_for

from strands_robots.bringup.child_graph import Child
from strands_robots.core.errors import ConfigurationError

LONG = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(100)"]
PARENT = f"""
import time
from strands_robots.bringup.child_graph import Child
child = Child({LONG!r})
print(child.pid, flush=True)
time.sleep(100)
"""


def is_running(pid: int) -> bool:
    """Return whether a process runs; one that nobody waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_child_of_a_killed_process_ends(number: int) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert is_running(pid)
    parent.send_signal(number)
    parent.wait(10.0)
    wait_for(lambda: not is_running(pid), 5.0, "the child's end")
    parent.stdout.close()


def test_child_outlives_the_thread_that_asked_for_it_and_ends_when_told() -> None:
    made: list[Child] = []
    thread = threading.Thread(target=lambda: made.append(Child(LONG)))
    thread.start()
    thread.join()
    wait_for(lambda: made[0].log() == "up", 10.0, "its output")
    assert made[0].is_running
    assert made[0].end().startswith("up")
    assert not made[0].is_running


def test_program_that_is_not_there_is_named() -> None:
    missing = Path(os.sep) / "no" / "such" / "program"
    try:
        child = Child([str(missing)])
    except ConfigurationError as error:
        assert str(missing) in str(error)
        return
    wait_for(lambda: not child.is_running, 5.0, "its end")  # setpriv(1) was started, and could not start it
    assert str(missing) in child.end()

"""The live view's processes, keys and log: nothing is lost, nothing outlives it, a key needs no screen."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import termios
import threading
from pathlib import Path

import pytest
from graph import wait_for

from strands_robots.live.log import LogTail, log_file
from strands_robots.live.terminal import Keys, can_show_live

CHILD = """
import sys, time
from strands_robots.live.child import ChildGraph
from strands_robots.core.errors import ConfigurationError

def run():
{body}

child = ChildGraph(run)
print(child.pid, flush=True)
if {wait!r} == "for ever":
    time.sleep(60)
sys.stdout.write(child.output.read().decode())
while child.poll() is None:
    time.sleep(0.01)
print("code", child.poll())
"""


def parent(body: str, wait: str = "") -> subprocess.Popen[str]:
    code = CHILD.format(body="\n".join(f"    {line}" for line in body.splitlines()), wait=wait)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize(("body", "expected"), [
    ("print('hello')\nreturn 7", "hello\ncode 7\n"),
    ("raise ConfigurationError('no such robot')", "error: no such robot\ncode 1\n"),
    ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "code 137\n"),
])  # fmt: skip
def test_output_and_exit_code_of_the_child_arrive(body: str, expected: str) -> None:
    output, _ = parent(body).communicate(timeout=30)
    assert output.partition("\n")[2] == expected


def test_unexpected_error_of_the_child_is_shown_with_its_trace() -> None:
    output, _ = parent("raise ValueError('surprise')").communicate(timeout=30)
    assert "Traceback" in output and "ValueError: surprise" in output and output.endswith("code 1\n")


def test_killed_view_ends_its_child() -> None:
    process = parent("time.sleep(60)\nreturn 0", "for ever")
    assert process.stdout is not None
    child = Path(f"/proc/{int(process.stdout.readline())}/status")
    process.kill()
    process.wait()
    wait_for(lambda: not child.exists() or "State:\tZ" in child.read_text(), 5.0, "the end of the child")


def test_log_goes_to_the_file_whole_and_to_the_screen_clean(tmp_path: Path) -> None:
    data = b"plain\n\x1b[33mwarn\x1b[0m \xc3\xa9\tx\n" + b"y" * 2000 + b"\nlast"
    tail = LogTail(io.BytesIO(data), tmp_path / "log")
    tail.join(5.0)
    assert (tmp_path / "log").read_bytes() == data
    assert tail.last(2) == ["y" * 500, "last"]
    assert tail.last(9)[1] == "warn \\xe9  x"


def test_log_that_cannot_be_written_is_said_and_the_stream_is_still_read(tmp_path: Path) -> None:
    stream = io.BytesIO(b"a\n" * 100)
    tail = LogTail(stream, tmp_path / "missing" / "log")
    tail.join(5.0)
    assert "is not written" in tail.problem and stream.read() == b"" and tail.last(1) == ["a"]


def test_old_logs_are_removed(tmp_path: Path) -> None:
    for number in range(30):
        log_file(tmp_path, f"sim-{number:03}.log").touch()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 20 and names[-1] == "sim-029.log"


def test_keys_come_at_once_and_the_terminal_is_as_before_afterwards() -> None:
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    got, arrived = [], threading.Event()

    def on_key(key: str) -> None:
        got.append(key)
        arrived.set()

    with Keys(on_key, slave):
        assert not termios.tcgetattr(slave)[3] & (termios.ICANON | termios.ECHO)
        os.write(master, b" ")
        assert arrived.wait(5.0)
    assert got == [" "] and termios.tcgetattr(slave) == before


@pytest.mark.parametrize(("environment", "expected"), [
    ({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({}, False), ({"TERM": "xterm", "NO_COLOR": "1"}, False),
])  # fmt: skip
def test_live_view_wants_a_terminal_that_can(
    environment: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert can_show_live(environment) is expected
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    assert not can_show_live(environment)

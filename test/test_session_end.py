"""A session with the middleware that does not close in time, or fails to, changes neither what was done nor the exit code."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from strands_robots.core.session_end import close_session, leave_process


def test_session_that_closes_is_closed_and_the_process_goes_on() -> None:
    closed = threading.Event()
    assert close_session(closed.set) and closed.is_set()
    assert leave_process(3) == 3


def test_session_that_hangs_is_left_in_time(capsys: pytest.CaptureFixture[str]) -> None:
    release = threading.Event()
    began = time.monotonic()
    assert not close_session(release.wait, 0.1)
    assert time.monotonic() - began < 5.0 and "did not close within 0.1 s" in capsys.readouterr().err
    release.set()


def test_session_that_fails_to_close_raises_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise RuntimeError("context is not valid")

    assert close_session(fail)
    assert "RuntimeError: context is not valid" in capsys.readouterr().err


@pytest.mark.parametrize("code", [0, 3])
def test_exit_code_says_what_was_done_while_a_session_hangs(code: int) -> None:
    # A thread that is no daemon stands for a middleware that holds the interpreter's end up.
    program = (
        "import sys, threading, time; from strands_robots.core.session_end import close_session, leave_process\n"
        "def hang():\n    threading.Thread(target=time.sleep, args=(60,)).start(); time.sleep(60)\n"
        f"print('STOPPED'); close_session(hang, 0.2); sys.exit(leave_process({code}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (code, "STOPPED\n")

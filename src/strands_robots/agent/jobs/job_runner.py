"""Runs one command and ends it with everything it started, when it is told to or when the process that started it is gone. Linux.

python -m strands_robots.agent.jobs.job_runner CONTROL PATIENCE COMMAND [ARGUMENT...]

CONTROL is an inherited file descriptor: a byte on it, or its end, interrupts the command's process group; what is left after
PATIENCE [s] is killed. The exit code is the command's, 128 and the number of the signal when one ended it.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

from strands_robots.core.parent_end import signal_with_parent


def main() -> int:
    """Run the command and return its exit code."""
    control, patience, command = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # Only the control ends it, so that nothing is left without a parent.
    process = subprocess.Popen(command, start_new_session=True, preexec_fn=_prepare, close_fds=True)
    try:
        ended = os.pidfd_open(process.pid)
        ready, _, _ = select.select([control, ended], [], [])
        if ended not in ready:
            _signal(process.pid, signal.SIGINT)
            select.select([ended], [], [], patience)
    finally:
        _signal(process.pid, signal.SIGKILL)  # Also what it started itself and left behind.
    code = process.wait()
    return 128 - code if code < 0 else code


def _prepare() -> None:
    """Let the command die with this process, and give it back the signals that this process ignores."""
    signal_with_parent(signal.SIGKILL)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _signal(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        pass  # It has ended.


if __name__ == "__main__":
    sys.exit(main())

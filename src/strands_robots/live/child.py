"""The graph in a process of its own below the live view, so that its output and Ctrl-C do not reach the terminal."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import IO

from strands_robots.core.errors import StrandsRobotsError
from strands_robots.core.parent_end import signal_with_parent
from strands_robots.core.text import printable


class ChildGraph:
    """A function that runs in a forked process; its standard output and error are the stream `output`.

    It is interrupted when this process dies, whatever it dies of. Must be made before any thread is started.

    Args:
        run: Runs the graph and returns the exit code.
    """

    def __init__(self, run: Callable[[], int]) -> None:
        read, write = os.pipe()
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(read)
            _become_child(run, write, parent)
        os.close(write)
        self.output: IO[bytes] = os.fdopen(read, "rb")
        self._exit_code: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, 128 plus the number of the signal that ended it; None while it runs."""
        if self._exit_code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self._exit_code = code if code >= 0 else 128 - code
        return self._exit_code

    def interrupt(self) -> None:
        """Ask it to end the graph; asking again changes nothing."""
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """End it the hard way; its nodes end with it."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def _become_child(run: Callable[[], int], write: int, parent: int) -> None:
    """Run the graph and never return."""
    code = 1
    try:
        os.setsid()
        signal_with_parent(signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(write, 1)
        os.dup2(write, 2)
        os.close(nothing)
        os.close(write)
        code = run()
    except StrandsRobotsError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
    finally:
        surprise = sys.exc_info()[1]
        if surprise is not None and not isinstance(surprise, KeyboardInterrupt):
            sys.excepthook(type(surprise), surprise, surprise.__traceback__)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

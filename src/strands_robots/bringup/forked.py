"""Processes that are forked from this one, which has imported what they need: each starts at once, and shares the memory of libraries.

Only imports have happened when a process is forked: no middleware, no graphics and no thread of Python's is there yet. What cannot be
forked safely, or is not one of this package's own scripts, is started as a program of its own; nothing else differs between the two.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import importlib
import multiprocessing
import os
import re
import runpy
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from strands_robots.core.parent_end import signal_with_parent

_PR_SET_NAME = 15
_NAME_BYTES = 15

_MODULE = re.compile(r"^ *from (strands_robots\.nodes\.[a-z_.]+) import main$", re.MULTILINE)
"""The line of an executable (cmake/executable.py.in) that says which module it runs."""


def node_script(command: Sequence[str]) -> Path | None:
    """Return the executable of a command where it is one of this package's scripts for this Python, else None.

    Args:
        command: Program and arguments.
    """
    path = Path(command[0])
    with suppress(OSError, UnicodeDecodeError):
        text = path.read_text(encoding="utf-8")
        if text.startswith(f"#!{sys.executable}\n") and _MODULE.search(text):
            return path
    return None


def can_fork() -> bool:
    """Return whether a copy of this process is a sound beginning for another: on Linux, while it has one thread of Python's."""
    return sys.platform.startswith("linux") and hasattr(os, "pidfd_open") and threading.active_count() == 1


def preload(script: Path) -> bool:
    """Import the module that a script runs, so that it is there when the script is forked; return whether it could be.

    What it raises is left to the process itself, which says it where a person looks for it.
    """
    found = _MODULE.search(script.read_text(encoding="utf-8"))
    if found is None:
        return False
    try:
        importlib.import_module(found[1])
    except Exception:  # noqa: BLE001
        # Whatever a library raises when it is imported: the process started as a program says it again.
        return False
    # What was imported never goes away: a collection in a child would only copy its pages.
    gc.freeze()
    return threading.active_count() == 1


class ForkedProcess:
    """A script in a forked process; the same to its supervisor as a process of asyncio.

    Args:
        command: The script and its arguments.
        environment: Its environment; variables that imports have set in this process are kept.

    Attributes:
        pid: Its process id.
        stdout: Its standard output and error.

    Raises:
        OSError: If it cannot be forked.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        read, write = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self._process = multiprocessing.get_context("fork").Process(
            target=_run, args=(tuple(command), dict(environment), write, os.getpid())
        )
        try:
            self._process.start()
            self._end = os.pidfd_open(self._process.pid or 0)
        except OSError:
            os.close(read)
            raise
        finally:
            os.close(write)
        self.pid = self._process.pid or 0
        self._read = read
        self.stdout = asyncio.StreamReader()

    async def connect(self) -> None:
        """Begin to read its output."""
        protocol = asyncio.StreamReaderProtocol(self.stdout)
        await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(self._read, "rb"))

    async def wait(self) -> int:
        """Wait for its end; returns the exit code, negative for the number of the signal that ended it.

        Source: pidfd_open(2): the descriptor can be read when the process has ended.
        """
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_reader(self._end, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._end)
            os.close(self._end)
        self._process.join()
        return int(self._process.exitcode or 0)


def _run(command: tuple[str, ...], environment: dict[str, str], output: int, parent: int) -> None:
    """Become the script's process; its end is the end of the process."""
    signal.set_wakeup_fd(-1)  # First: a signal to this process must not reach the parent's loop.
    os.setsid()
    library = ctypes.CDLL(None, use_errno=True)
    signal_with_parent(signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    _take_over(output)
    _name(command, library)  # Before the environment is written to: the name takes its old place.
    # What imports have set here, as the graphics backend and its threads, holds there as well: they are not imported again.
    os.environ.update(environment)
    sys.argv = list(command)
    try:
        runpy.run_path(command[0], run_name="__main__")
    finally:
        # As the end of an interpreter does: what still holds the node goes, so that it leaves the graph now, not after its lease.
        gc.collect()


def _take_over(output: int) -> None:
    """Leave nothing open of the parent's but its standard input, which is nothing, and the output."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.closerange(3, max(int(name) for name in os.listdir("/proc/self/fd")) + 1)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - multiprocessing had opened it elsewhere
    for stream in (sys.stdout, sys.stderr):
        # As PYTHONUNBUFFERED of a program: a line is out when it is printed.
        stream.reconfigure(line_buffering=True, write_through=True)  # type: ignore[union-attr]


def _name(command: Sequence[str], library: ctypes.CDLL) -> None:
    """Show the process under its own name and arguments, not the parent's, where the libraries allow it."""
    with suppress(ImportError):
        from setproctitle import setproctitle

        setproctitle(" ".join(command))
    library.prctl(_PR_SET_NAME, Path(command[0]).name.encode("ascii", "replace")[:_NAME_BYTES], 0, 0, 0)

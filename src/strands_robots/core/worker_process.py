"""A Python process of our own for work that may hang or crash: a pipe to ask it, and a lifeline that ends it with its parent."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from multiprocessing.connection import Connection


def start_worker(module: str, *files: int) -> tuple[subprocess.Popen[bytes], Connection, int]:
    """Return the process, the pipe to it, and the lifeline: when that closes, the worker ends whatever it does.

    Args:
        module: Module that it runs, with the numbers of its end of the pipe, of `files` and of its lifeline as arguments.
        files: File descriptors to hand to it.
    """
    ours, theirs = socket.socketpair()
    life_read, life_write = os.pipe()
    numbers = (theirs.fileno(), *files, life_read)
    process = subprocess.Popen(
        [sys.executable, "-m", module, *map(str, numbers)], pass_fds=numbers, stdin=subprocess.DEVNULL
    )
    theirs.close()
    os.close(life_read)
    return process, Connection(ours.detach()), life_write


def end_with_parent(lifeline: int) -> None:
    """End this process, whatever it does, when its parent is gone. To be called by the worker."""

    def wait() -> None:
        os.read(lifeline, 1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def exit_words(code: int | None) -> str:
    """Return how a process ended, in words."""
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"

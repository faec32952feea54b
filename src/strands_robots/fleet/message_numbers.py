"""The numbers of a member's messages: rising for as long as its key lives, whatever its clock does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from strands_robots.core.private_folder import opened
from strands_robots.fleet.roster_keeper import write_atomically

FILE = "sequence"
_HIGHEST = 2**52


class Numbers:
    """Gives each message a number above every one before. May be used by several threads.

    A number is the wall clock in microseconds, or one more than the last number where the clock is behind it. The
    last number is kept on the disk by `save`, which the member calls once a second, so a restart after the clock was
    set back goes on above it.

    Args:
        folder: Where the last number is kept, beside the key; None for nowhere.
        now: Wall clock [s].
    """

    def __init__(self, folder: Path | None = None, now: Callable[[], float] = time.time) -> None:
        self._folder, self.now = folder, now
        self._lock = threading.Lock()
        self._last = self._read()
        self.problem = ""

    def next(self) -> int:
        """Return the next number. Never touches the disk: a stop needs one."""
        with self._lock:
            self._last = max(self._last + 1, int(self.now() * 1e6))
            return self._last

    def save(self) -> None:
        """Write the last number to the disk; a failure is kept in `problem`. Not for the path of a stop."""
        if self._folder is None:
            return
        try:
            write_atomically(self._folder, FILE, str(self._last).encode())
            self.problem = ""
        except OSError as error:
            self.problem = f"the last number cannot be kept: {error.strerror or error}"

    def _read(self) -> int:
        if self._folder is None:
            return 0
        try:
            with opened(self._folder) as folder:
                text = folder.read(FILE, 32)
            return min(max(int(text), 0), _HIGHEST)
        except (OSError, ValueError):
            return 0

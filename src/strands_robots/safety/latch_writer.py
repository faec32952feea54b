"""Writes the latch file from its own thread: a stop never waits for a disk, and neither does a heartbeat."""

from __future__ import annotations

import threading
from collections.abc import Callable

from strands_robots.safety.latch_file import LatchFile, LatchRecord


class LatchWriter:
    """Keeps a latch file at the newest record.

    Args:
        file: The file.
        on_error: Called from the writer's thread, with a sentence, when a record cannot be written.

    Attributes:
        problem: Why the last record could not be written; empty when it was.
    """

    def __init__(self, file: LatchFile, on_error: Callable[[str], None]) -> None:
        self.problem = ""
        self._file = file
        self._on_error = on_error
        self._newest: LatchRecord | None = None
        self._is_closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="latch file", daemon=True)
        self._thread.start()

    def submit(self, record: LatchRecord) -> None:
        """Write the record soon; one that still waits is replaced."""
        with self._changed:
            self._newest = record
            self._changed.notify()

    def close(self, timeout: float) -> None:
        """Write what still waits and end the thread, or give up after `timeout` [s]."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest is not None or self._is_closed)
                record, self._newest = self._newest, None
            if record is None:
                return
            try:
                self._file.save(record)
                self.problem = ""
            except OSError as error:
                self.problem = f"the latch file '{self._file.path}' cannot be written: {error.strerror or error}"
                self._on_error(self.problem)

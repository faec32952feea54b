"""Ends of processes, written where audit_node finds them: bringup knows the exit codes, but is no node itself."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


class EndJournal:
    """Appends one line of JSON for each process that ended unasked. Made with the first one: most runs have none.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = 0

    def write(self, process: str, returncode: int, text: str) -> None:
        """Write the end of a process. A disk that fails changes nothing of what happens to the graph.

        Args:
            process: Name of the process.
            returncode: Exit code; negative for the number of the signal that ended it.
            text: What happens now, in words.
        """
        self._lines += 1
        line = {
            "number": self._lines,
            "process": process,
            "exit_code": returncode,
            "text": text,
            "wall_us": time.time_ns() // 1000,
            "monotonic_us": time.monotonic_ns() // 1000,
        }
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self._path, flags, 0o600)
            try:
                os.write(descriptor, (json.dumps(line) + "\n").encode("ascii"))
            finally:
                os.close(descriptor)
        except OSError as error:
            print(f"the end of {process} cannot be handed to audit_node: {error}", file=sys.stderr, flush=True)

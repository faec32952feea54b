"""Reads what bringup wrote of processes that ended, and makes events of it. Another start reads it again; the intake
knows by the numbers what is in the log already.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from strands_robots.audit.event import Durability, Event
from strands_robots.audit.json_values import bounded

SOURCE = "bringup"
_MOST_BYTES = 65536


class ProcessEnds:
    """Follows one file.

    Args:
        path: The file of bringup/exit_journal.py; it need not exist yet.
        run_id: Run of the graph, the session of these events.
    """

    def __init__(self, path: Path, run_id: str) -> None:
        self._path = path
        self._run_id = run_id
        self._offset = 0

    def take(self) -> list[Event]:
        """Return the events of the lines that were added since the last call; what is no such line is skipped."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return []  # No process ended yet, or this user may not read the file.
        try:
            data = os.pread(descriptor, _MOST_BYTES, self._offset)
        except OSError:
            return []
        finally:
            os.close(descriptor)
        end = data.rfind(b"\n") + 1
        self._offset += end
        events = (self._event(line) for line in data[:end].splitlines())
        return [event for event in events if event is not None]

    def _event(self, line: bytes) -> Event | None:
        try:
            said = json.loads(line)
            details = {"process": said["process"], "exit_code": said["exit_code"], "text": said["text"]}
            number, wall, monotonic = (int(said[name]) for name in ("number", "wall_us", "monotonic_us"))
        except (ValueError, TypeError, LookupError):
            return None
        return Event(
            "process_end",
            SOURCE,
            self._run_id,
            number,
            wall,
            monotonic,
            details=bounded(details),
            durability=Durability.NOW,
        )

"""The memory of safety_node between two starts: which run it served and what was latched."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class LatchRecord:
    """What the file says.

    Attributes:
        run_id: Run of the graph that safety_node served.
        state: Name of the last state, for people.
        stop_id: Number of the last stop.
        reason: Why it was stopped.
    """

    run_id: str
    state: str
    stop_id: int = 0
    reason: str = ""


class LatchFile:
    """A small JSON file, replaced atomically and synced to the disk.

    Args:
        path: The file; its folder is made when missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def is_restart(self, run_id: str) -> bool:
        """Return whether safety_node already ran in this run. A file that is there but cannot be understood counts as yes."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return False
        except (OSError, UnicodeDecodeError):
            return True
        try:
            record = LatchRecord(**json.loads(text))
        except (ValueError, TypeError):
            return True
        return record.run_id == run_id

    def save(self, record: LatchRecord) -> None:
        """Replace the file, so that after a crash it holds the old record or the new one.

        Raises:
            OSError: If it cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            with open(temporary, "w", encoding="utf-8") as file:
                json.dump(asdict(record), file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        finally:
            temporary.unlink(missing_ok=True)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

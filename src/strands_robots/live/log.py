"""Where the output of a graph's processes goes while the screen shows something else: all to a file, the last lines here."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")
_KEPT_FILES = 20
_LONGEST_LINE = 500


def log_file(folder: Path, name: str) -> Path:
    """Return the path of a new log file in the folder, which is made; the oldest files of the same kind are removed.

    Args:
        folder: Folder of the logs.
        name: Name of the file, which begins with its kind and "-", and sorts by time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kind = name.partition("-")[0]
    for old in sorted(folder.glob(f"{kind}-*.log"))[: -_KEPT_FILES + 1]:
        old.unlink(missing_ok=True)
    return folder / name


class LogTail:
    """Reads a stream to its end in a thread.

    Args:
        stream: What the processes write to.
        path: File that gets all of it.
        keep: Lines kept for the screen.
    """

    def __init__(self, stream: IO[bytes], path: Path, keep: int = 200) -> None:
        self.path = path
        self.problem = ""
        self._stream = stream
        self._lines: deque[str] = deque(maxlen=keep)
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def last(self, count: int) -> list[str]:
        """Return at most so many of the last lines, in ASCII and without escapes."""
        return list(self._lines)[-count:]

    def join(self, timeout: float) -> None:
        """Wait until the stream has ended, at most `timeout` [s]."""
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            with self.path.open("wb", buffering=0) as file:
                for line in self._take():
                    file.write(line)
        except OSError as error:
            self.problem = f"{self.path} is not written: {error.strerror or error}"
            for _ in self._take():
                pass  # The processes must not wait for a full pipe.

    def _take(self) -> Iterator[bytes]:
        for line in self._stream:
            text = _ESCAPES.sub("", line.decode("utf-8", "replace").rstrip("\n")).replace("\t", "  ")
            self._lines.append(text.encode("ascii", "backslashreplace").decode("ascii")[:_LONGEST_LINE])
            yield line

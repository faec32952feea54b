"""Reading a log: what verification and queries see of its storage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from strands_robots.audit.log.layout import HEAD_BYTES, HEAD_FILE, segment_name, segment_numbers
from strands_robots.audit.log.lines import LogLine, read_lines, read_lines_backwards
from strands_robots.core.private_folder import opened


class LogReader(Protocol):
    """Everything that verification needs of a log, wherever it is stored."""

    def segments(self) -> Sequence[int]:
        """Return the numbers of the segments, sorted."""

    def lines(self, segment: int) -> Iterator[LogLine]:
        """Yield the lines of a segment; NotAFileError when something else has its name."""

    def head(self) -> bytes | None:
        """Return the bytes of HEAD, None when it is missing; NotAFileError when something else has its name."""


class FolderReader:
    """A log in a folder. Never writes, follows no links.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def segments(self) -> list[int]:
        """Return the numbers of the segments, sorted; OSError when the folder cannot be read."""
        with opened(self.path) as folder:
            return segment_numbers(folder.names())

    def lines(self, segment: int) -> Iterator[LogLine]:
        """Yield the lines of a segment; NotAFileError when something else has its name."""
        with opened(self.path) as folder:
            yield from read_lines(folder.chunks(segment_name(segment)))

    def backwards(self, segment: int) -> Iterator[bytes]:
        """Yield the complete lines of a segment, the last one first; NotAFileError when something else has its name."""
        with opened(self.path) as folder:
            yield from read_lines_backwards(folder.chunks_backwards(segment_name(segment)))

    def head(self) -> bytes | None:
        """Return the bytes of HEAD, None when it is missing; NotAFileError when something else has its name."""
        with opened(self.path) as folder:
            try:
                return folder.read(HEAD_FILE, 2 * HEAD_BYTES)
            except FileNotFoundError:
                return None

"""Bytes of a segment -> lines with their offsets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from strands_robots.audit.log.record import MAX_LINE


class LogLine(NamedTuple):
    """One line of a segment.

    Attributes:
        data: Its bytes without newline; of a line longer than MAX_LINE only the beginning.
        offset: Where it begins in the file [bytes].
        is_complete: False for bytes after the last newline, and for a line longer than MAX_LINE.
        has_newline: False for bytes after the last newline.
    """

    data: bytes
    offset: int
    is_complete: bool
    has_newline: bool


def read_lines(chunks: Iterable[bytes]) -> Iterator[LogLine]:
    """Yield the lines of a file that comes in pieces; memory stays bounded whatever the file holds."""
    rest, start, is_long = b"", 0, False
    for chunk in chunks:
        parts = chunk.split(b"\n")
        for part in parts[:-1]:
            data = rest + part
            length = len(data)
            if is_long or length > MAX_LINE:
                yield LogLine(data[:MAX_LINE], start, False, True)
            else:
                yield LogLine(data, start, True, True)
            start, rest, is_long = start + length + 1, b"", False
        rest += parts[-1]
        if len(rest) > 2 * MAX_LINE:
            cut = len(rest) - MAX_LINE
            rest, start, is_long = rest[cut:], start + cut, True
    if rest:
        yield LogLine(rest[:MAX_LINE], start, False, False)


def read_lines_backwards(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the complete lines of a file without their newlines, the last one first. Lines longer than MAX_LINE are left out.

    Args:
        chunks: The file in pieces, the last piece first.
    """
    rest, is_long, has_end = b"", False, False
    for chunk in chunks:
        parts = (chunk + rest).split(b"\n")
        # The first part may go on further up; bytes after the last newline are no line.
        for part in reversed(parts[1:]):
            if has_end and not is_long and len(part) <= MAX_LINE:
                yield part
            has_end, is_long = True, False
        rest = parts[0]
        if len(rest) > MAX_LINE:
            rest, is_long = b"", True
    if has_end and not is_long:
        yield rest

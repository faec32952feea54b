"""Names and sizes of the files of a log."""

from __future__ import annotations

import re
from collections.abc import Iterable

HEAD_FILE = "HEAD"
LOCK_FILE = "LOCK"
HEAD_BYTES = 1024

_SEGMENT = re.compile(r"([0-9]{6,12})\.jsonl")


def segment_name(number: int) -> str:
    """Return the file name of a segment."""
    return f"{number:06d}.jsonl"


def segment_numbers(names: Iterable[str]) -> list[int]:
    """Return the sorted numbers of the segments among file names."""
    found = (_SEGMENT.fullmatch(name) for name in names)
    return sorted(int(match.group(1)) for match in found if match)

"""Which of the oldest segments may go when a log has become too large."""

from __future__ import annotations

import os
from dataclasses import dataclass

from strands_robots.core.private_folder import PrivateFolder
from strands_robots.audit.json_values import JsonObject
from strands_robots.audit.log.layout import segment_name, segment_numbers
from strands_robots.audit.log.lines import read_lines
from strands_robots.audit.log.record import RecordError, parse


@dataclass(frozen=True)
class Pruning:
    """What is to be removed.

    Attributes:
        segments: Numbers of the segments to remove, oldest first.
        details: Details of the `pruned` record that must be on the disk before.
    """

    segments: tuple[int, ...]
    details: JsonObject


def plan_pruning(folder: PrivateFolder, keep_bytes: int) -> Pruning | None:
    """Return what must go so that the newest segments stay below `keep_bytes` together; None when nothing must.

    The newest segment always stays. When the first segment to stay has a damaged beginning, all stay: its index
    and hash could not be named.

    Raises:
        OSError: If the folder cannot be read.
    """
    numbers = segment_numbers(folder.names())
    sizes = {number: _size(folder, number) for number in numbers}
    total, first = sum(sizes.values()), 0
    while first < len(numbers) - 1 and total > keep_bytes:
        total -= sizes[numbers[first]]
        first += 1
    if first == 0:
        return None
    try:
        line = next(read_lines(folder.chunks(segment_name(numbers[first]))))
        record = parse(line.data)[2]
    except (StopIteration, RecordError):
        return None
    details: JsonObject = {"first_segment": numbers[first], "first_index": record.index, "previous": record.previous}
    return Pruning(tuple(numbers[:first]), details)


def _size(folder: PrivateFolder, number: int) -> int:
    return os.stat(segment_name(number), dir_fd=folder.descriptor, follow_symlinks=False).st_size

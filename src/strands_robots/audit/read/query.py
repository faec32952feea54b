"""Finding records in a log. Verifies nothing: that is what verify is for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

from strands_robots.audit.log.record import Record, RecordError, parse
from strands_robots.audit.read.reader import FolderReader, LogReader
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.private_folder import NotAFileError
from strands_robots.core.text import printable

_AGO = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(s|m|min|h|d)")
_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST_US = 2**53 - 1


@dataclass(frozen=True)
class Query:
    """Which records are wanted; empty and zero mean all.

    Attributes:
        since_us: Not before this wall-clock time [us]; by the event's own clock or the writer's, whichever is
            later, so that a wrong clock hides nothing.
        kinds: Kinds.
        robots: Robots.
    """

    since_us: int = 0
    kinds: tuple[str, ...] = ()
    robots: tuple[str, ...] = ()

    def matches(self, record: Record) -> bool:
        """Return whether a record is wanted."""
        event = record.event
        return (
            max(event.wall_us, record.recorded_us) >= self.since_us
            and (not self.kinds or event.kind in self.kinds)
            and (not self.robots or event.robot in self.robots)
        )


def records(log: LogReader, query: Query, first_segment: int = 0) -> Iterator[tuple[Record, bytes]]:
    """Yield the wanted records in the order of the log, each with its bytes; what cannot be read is skipped.

    Args:
        log: The log.
        query: Which records.
        first_segment: Number of the segment to begin with.
    """
    for number in log.segments():
        if number < first_segment:
            continue
        try:
            for line in log.lines(number):
                try:
                    _, body, record = parse(line.data)
                except RecordError:
                    continue
                if line.is_complete and query.matches(record):
                    yield record, body
        except NotAFileError:
            continue


def last_records(log: FolderReader, query: Query, count: int) -> list[tuple[Record, bytes]]:
    """Return the last wanted records in the order of the log, each with its bytes; only the end of the log is read.

    Args:
        log: The log.
        query: Which records.
        count: How many at most.
    """
    found: list[tuple[Record, bytes]] = []
    for number in reversed(log.segments() if count > 0 else []):
        try:
            for data in log.backwards(number):
                try:
                    _, body, record = parse(data)
                except RecordError:
                    continue
                if query.matches(record):
                    found.append((record, body))
                if len(found) == count:
                    return found[::-1]
        except NotAFileError:
            continue
    return found[::-1]


def newest_segments(log: LogReader, count: int) -> int:
    """Return where the newest segments begin that hold at least `count` lines together; 0 when all are needed."""
    lines = 0
    for number in reversed(log.segments()):
        try:
            lines += sum(1 for _ in log.lines(number))
        except NotAFileError:
            continue
        if lines >= count:
            return number
    return 0


def parse_since(text: str, now_us: int) -> int:
    """Return the wall-clock time [us] of a text: ISO 8601, local without a zone, or an age such as 90s, 15m, 2h, 1d.

    Args:
        text: What was written.
        now_us: The present [us].

    Raises:
        ConfigurationError: If it is neither.
    """
    age = _AGO.fullmatch(text.strip())
    if age:
        return max(0, now_us - int(min(float(age.group(1)) * _SECONDS[age.group(2)] * 1e6, _LONGEST_US)))
    try:
        moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text.strip()))
        return int(moment.timestamp() * 1e6)
    except (ValueError, OverflowError, OSError) as error:
        raise ConfigurationError(
            f"time '{printable(text)}' cannot be read; valid: 2025-01-31T14:30:00, or with a zone, "
            "or an age such as 90s, 15m, 2h, 1d"
        ) from error


def format_time(wall_us: int) -> str:
    """Return a wall-clock time [us] as UTC in ISO 8601; the number itself when no calendar holds it."""
    try:
        return datetime.fromtimestamp(wall_us * 1e-6, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"
    except (ValueError, OverflowError, OSError):
        return f"{wall_us}us"

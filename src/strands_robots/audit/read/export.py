"""Handing a log to another person: records as JSON lines or CSV, or the whole log as an archive that they can verify."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from strands_robots.audit.audit_key import PUBLIC_FILE
from strands_robots.audit.log.layout import HEAD_FILE, segment_name, segment_numbers
from strands_robots.audit.log.record import Record
from strands_robots.audit.read.query import format_time
from strands_robots.core.private_folder import NotAFileError, opened

CSV_COLUMNS = ("index", "time", "kind", "robot", "actor", "source", "sequence", "details")


def write_jsonl(records: Iterable[tuple[Record, bytes]], file: IO[bytes]) -> int:
    """Write records as JSON lines, without MACs, and return how many."""
    count = 0
    for _, body in records:
        file.write(body + b"\n")
        count += 1
    return count


def write_csv(records: Iterable[tuple[Record, bytes]], file: IO[bytes]) -> int:
    """Write records as CSV in ASCII, details as JSON, and return how many.

    A text that a spreadsheet would run as a formula gets a quote before it.
    """
    text = io.TextIOWrapper(file, encoding="ascii", errors="backslashreplace", newline="", write_through=True)
    table = csv.writer(text)
    table.writerow(CSV_COLUMNS)
    count = 0
    for record, _ in records:
        event = record.event
        names = (event.kind, event.robot, event.actor, event.source)
        table.writerow(
            [
                record.index,
                format_time(event.wall_us),
                *map(_inert, names),
                event.sequence,
                json.dumps(event.details, sort_keys=True),
            ]
        )
        count += 1
    text.detach()
    return count


def _inert(cell: str) -> str:
    return "'" + cell if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def write_archive(path: Path, public_key: bytes, file: IO[bytes]) -> int:
    """Write a log with its public key as a tar archive (gzip) and return how many files it holds.

    HEAD is read before the segments, so that the archive of a log that is being written verifies as well.

    Args:
        path: Folder of the log.
        public_key: The public key as PEM.
        file: Where to write.

    Raises:
        OSError: If the log cannot be read.
    """
    with opened(path) as folder, tarfile.open(fileobj=file, mode="w:gz") as archive:
        count = _add(archive, HEAD_FILE, lambda: [folder.read(HEAD_FILE, 1 << 16)])
        for number in segment_numbers(folder.names()):
            name = segment_name(number)
            count += _add(archive, name, lambda name=name: folder.chunks(name))  # type: ignore[misc]
        return count + _add(archive, PUBLIC_FILE, lambda: [public_key])


def _add(archive: tarfile.TarFile, name: str, chunks: Callable[[], Iterable[bytes]]) -> int:
    try:
        data = b"".join(chunks())
    except (FileNotFoundError, NotAFileError):
        return 0  # verify names what is missing.
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), 0o600
    archive.addfile(entry, io.BytesIO(data))
    return 1

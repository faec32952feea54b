"""What a pipeline has done: journal.jsonl, one record a line, each on the disk before the next step is taken.

    {"kind": "pipeline", "format": 1, "id": "...", "name": "reach"}
    {"kind": "begun", "stage": "record", "key": "...", "at": "..."}
    {"kind": "done", "stage": "record", "key": "...", "outputs": {"dataset": "<sha256>"}, "facts": {...}, "elapsed": 4.2, "at": "..."}
    {"kind": "failed", "stage": "train", "key": "...", "message": "..."}
    {"kind": "asked" | "decided" | "used", "digest": "...", ...}                      an approval, see promotion.py

A line that was being written when the process was killed is not a record; it is cut off when the journal is opened again.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset.files import sync_folders

NAME = "journal.jsonl"
FORMAT = 1


class Journal:
    """One pipeline's journal, held by one process.

    Args:
        folder: The pipeline's folder, made where it is not there.
        name: Name of the pipeline.

    Attributes:
        records: All records, in order.

    Raises:
        ConfigurationError: If another process holds it, it is another pipeline's, or the folder holds something else.
    """

    def __init__(self, folder: Path, name: str) -> None:
        path = folder / NAME
        if folder.exists() and not path.exists() and any(entry for entry in folder.iterdir()):
            raise ConfigurationError(f"{folder} holds no pipeline, but something else; valid: a new or empty folder")
        folder.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.records = list(read_journal(path))
            self._file.truncate(_whole(path))
            if not self.records:
                self.append("pipeline", format=FORMAT, id=secrets.token_hex(16), name=name)
                sync_folders([folder])
            head = self.records[0]
            if head.get("kind") != "pipeline" or head.get("format") != FORMAT or head.get("name") != name:
                raise ConfigurationError(
                    f"{path} is of pipeline '{head.get('name')}', format {head.get('format')}; valid: '{name}', format {FORMAT}"
                )
        except BlockingIOError:
            self._file.close()
            raise ConfigurationError(
                f"another process runs the pipeline in {folder}; valid: to wait for its end"
            ) from None
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def id(self) -> str:
        """Id of the pipeline, which signatures of decisions are bound to."""
        return str(self.records[0]["id"])

    def append(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Write a record; it is on the disk when this returns."""
        record = {"kind": kind, "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **fields}
        self._file.write(json.dumps(record).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.records.append(record)
        return record

    def done(self, stage: str, key: str) -> dict[str, Any] | None:
        """Return the last record of a stage that was done with this key, or None."""
        return last(self.records, kind="done", stage=stage, key=key)


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """Give the whole records of a journal.

    Raises:
        ConfigurationError: If a line within it is damaged.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror or error}") from error
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise ConfigurationError(f"line {number} of {path} is no JSON ({error}); valid: a journal") from error
        if not isinstance(record, dict) or "kind" not in record:
            raise ConfigurationError(f"line {number} of {path} is no record; valid: an object with a kind")
        yield record


def last(records: list[dict[str, Any]], **fields: Any) -> dict[str, Any] | None:
    """Return the last record whose fields have these values, or None."""
    return next((one for one in reversed(records) if matches(one, fields)), None)


def matches(record: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    """Return whether a record's fields have these values."""
    return all(record.get(name) == value for name, value in fields.items())


def _whole(path: Path) -> int:
    return path.read_bytes().rfind(b"\n") + 1

"""The files of a LeRobotDataset v3: which they are, and how they get to the disk for good."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from strands_robots.dataset.errors import DatasetError

INFO = Path("meta/info.json")
STATS = Path("meta/stats.json")
TASKS = Path("meta/tasks.parquet")
MUTABLE = (INFO, STATS, TASKS)
"""Files that every episode writes anew; all others are written once."""

OURS = Path("meta/strands_robots")
"""Folder of what this package adds; LeRobot leaves it alone."""

RESERVE = OURS / "reserve"
"""Room that a recorder holds while a dataset is open, so that what a full disk left half written can be put back."""

RESERVED = 1 << 18
"""Size of it [bytes]: more than the files need that are put back."""

LOST = Path("lost")
"""Folder, below OURS, of what a recovery took out of the dataset."""


def payload_files(root: Path) -> list[Path]:
    """Return every file of the dataset that is written once: data, videos and episode tables, relative and sorted."""
    found = [path for folder in ("data", "videos", "meta/episodes") for path in (root / folder).rglob("*")]
    return sorted(path.relative_to(root) for path in found if path.is_file())


def temporary_folders(root: Path) -> list[Path]:
    """Return what an encoder or image writer left behind: LeRobot makes them with tempfile in the dataset's root."""
    found = [
        path for path in root.iterdir() if path.is_dir() and (path.name.startswith("tmp") or path.name == "images")
    ]
    return sorted(found)


def read_json(path: Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        DatasetError: If it is not there or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error


def write_json(path: Path, data: Any) -> None:
    """Write a JSON file whole or not at all, and get it to the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("w", encoding="utf-8") as stream:
            json.dump(data, stream, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    sync_folders([path.parent])


def copy_file(source: Path, target: Path) -> None:
    """Copy a file whole or not at all, and get it to the disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        shutil.copyfile(source, partial)
        sync_files([partial])
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    sync_folders([target.parent])


def sync_files(paths: Iterable[Path]) -> None:
    """Get the contents of files to the disk."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_folders(paths: Iterable[Path]) -> None:
    """Get the names in folders to the disk."""
    for path in set(paths):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def reserve(root: Path) -> None:
    """Take the room that `recover` gives back; raises OSError when there is none."""
    path = root / RESERVE
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(bytes(RESERVED))
        file.flush()
        os.fsync(file.fileno())


def release(root: Path) -> None:
    """Give the reserved room back."""
    (root / RESERVE).unlink(missing_ok=True)


def free_bytes(folder: Path) -> int:
    """Return how much may still be written where a folder is, or will be [bytes]."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free

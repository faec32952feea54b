"""Digests by which two runs are told apart or proved equal: of states, actions, results and files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.chunk import Chunk
from strands_robots.evaluation.episode_result import EpisodeResult

_BLOCK = 1 << 20


def arrays_sha256(*arrays: NDArray[Any]) -> str:
    """Return the SHA-256 of arrays' shapes and float64 bytes, hexadecimal."""
    digest = hashlib.sha256()
    for array in arrays:
        values = np.ascontiguousarray(array, dtype="<f8")
        digest.update(repr(values.shape).encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


class ActionDigest:
    """Adds up everything that a policy sends in one episode."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._is_empty = True

    def add(self, chunk: Chunk, at: float) -> None:
        """Take a chunk that was sent `at` a time since the start [s]."""
        about = (round(at, 6), chunk.joint_names, chunk.mode, chunk.control_period, chunk.values.shape)
        self._digest.update(repr(about).encode())
        self._digest.update(np.ascontiguousarray(chunk.values, dtype="<f8").tobytes())
        self._is_empty = False

    def hexdigest(self) -> str:
        """Return the SHA-256, hexadecimal; empty when nothing was sent."""
        return "" if self._is_empty else self._digest.hexdigest()


def results_digest(results: Iterable[EpisodeResult]) -> str:
    """Return the SHA-256 of what repeats: the same for any number of workers, in any order, on any day."""
    rows = [result.repeatable for result in sorted(results, key=lambda result: result.key)]
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()


def text_sha256(text: str) -> str:
    """Return the SHA-256 of a text, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def files_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's files with their names in order, hexadecimal.

    Raises:
        OSError: If it cannot be read.
    """
    if path.is_file():
        return _file_sha256(path)
    digest = hashlib.sha256()
    for file in sorted(entry for entry in path.rglob("*") if entry.is_file()):
        digest.update(f"{file.relative_to(path).as_posix()}\0{_file_sha256(file)}\n".encode())
    return digest.hexdigest()


def _file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()

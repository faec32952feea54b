"""results.jsonl: the first line says what was run, each further one is an episode, synced to the disk before the next one counts.

    {"kind": "run", "format": 1, "versions": {...}, "tasks": {"lift_cube": {"task": {...}, "scene_sha256": ..., "policy": {...}}}, ...}
    {"kind": "episode", "task": "lift_cube", "index": 0, "seed": 0, "success": true, ...}

A later line of the same task and index replaces an earlier one: an episode that could not be judged is run again by a resumed run.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.evaluation.episode_result import EpisodeResult, result_from
from strands_robots.evaluation.run_record import FORMAT, differences

NAME = "results.jsonl"


@dataclass(frozen=True)
class Recorded:
    """What a results.jsonl holds.

    Attributes:
        run: Its first line.
        results: The last result of each episode, by task and index.
        length: Bytes up to the end of the last whole line.
    """

    run: dict[str, Any]
    results: dict[tuple[str, int], EpisodeResult]
    length: int


def read_results(path: Path) -> Recorded:
    """Return what was recorded; a last line that was cut off by a crash is left out.

    Raises:
        ConfigurationError: If the file is not there, or is no results.jsonl; the message has the line.
    """
    path = path / NAME if path.is_dir() else path
    try:
        given = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}); valid: a {NAME} of evaluate") from error
    length = given.rfind(b"\n") + 1
    lines = [_line(path, number, line) for number, line in enumerate(given[:length].splitlines(), 1)]
    if not lines or lines[0].get("kind") != "run":
        raise ConfigurationError(f"{path} does not begin with a run's record; valid: a {NAME} of evaluate")
    if lines[0].get("format") != FORMAT:
        raise ConfigurationError(f"{path} has format {lines[0].get('format')!a}; valid: {FORMAT}")
    results = [result_from(line) for line in lines[1:] if line.get("kind") == "episode"]
    return Recorded(lines[0], {result.key: result for result in results}, length)


class ResultsFile:
    """Appends episodes to a results.jsonl; one process at a time.

    Args:
        folder: Its folder, made where it is not there.
        run: Record of the run that begins now.
        is_resumed: Go on with a file that is there.

    Attributes:
        done: Results that were there before, errors left out, by task and index.
        attempts: How often each episode was tried, by task and index.

    Raises:
        ConfigurationError: If another process writes it, it is there and `is_resumed` is False, or it is of another run.
    """

    def __init__(self, folder: Path, run: Mapping[str, Any], *, is_resumed: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / NAME
        self.done: dict[tuple[str, int], EpisodeResult] = {}
        self.attempts: dict[tuple[str, int], int] = {}
        self._file = self.path.open("a+b")
        try:
            self._begin(run, is_resumed=is_resumed)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> ResultsFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def append(self, result: EpisodeResult) -> None:
        """Write one episode; it is on the disk when this returns."""
        self._write({"kind": "episode", **result.to_dict()})

    def _begin(self, run: Mapping[str, Any], *, is_resumed: bool) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(f"another evaluation is writing {self.path}; valid: another folder") from None
        whole = self.path.read_bytes().rfind(b"\n") + 1
        if not whole:  # new, or killed within the first line
            self._file.truncate(0)
            self._write(run)
            _sync_folder(self.path.parent)
            return
        if not is_resumed:
            raise ConfigurationError(f"{self.path} is there; valid: another folder, or --resume to go on with it")
        before = read_results(self.path)
        unlike = differences(before.run, run)
        if unlike:
            raise ConfigurationError(
                f"{self.path} is of another run ({'; '.join(unlike[:5])}); valid: the same run, or another folder"
            )
        self._file.truncate(before.length)
        self.done = {key: result for key, result in before.results.items() if not result.is_error}
        self.attempts = {key: result.attempt for key, result in before.results.items()}
        self._write({"kind": "resumed", **{name: run[name] for name in ("started", "command", "machine")}})

    def _write(self, record: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(record).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def _line(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise ConfigurationError(
            f"line {number} of {path} is not JSON ({error}); valid: a {NAME} of evaluate"
        ) from error
    if not isinstance(record, dict):
        raise ConfigurationError(f"line {number} of {path} is {line[:40]!a}; valid: an object")
    return record


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Whether a dataset is what a training run may trust: every check, in order, and LeRobot itself as the last judge.

An error is what LeRobot cannot open, or would train on wrongly. A warning is what a person should know, and may be meant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strands_robots.dataset.check import EpisodeCheck
from strands_robots.dataset.errors import DatasetError
from strands_robots.dataset.origin import Origin, find_origin
from strands_robots.dataset.provenance import check_provenance
from strands_robots.dataset.schema import ACTION, STATE, Schema
from strands_robots.dataset.table import EpisodeRow, Info, read_account, read_episodes, read_info
from strands_robots.dataset.vectors import Vectors
from strands_robots.dataset.verdict import DatasetVerdict
from strands_robots.dataset.verify_episode import account_problems, account_warnings, check_vectors, range_problems
from strands_robots.dataset.verify_layout import (
    check_account_names,
    check_counts,
    check_features,
    check_tasks,
    check_unlisted,
)
from strands_robots.dataset.verify_lerobot import has_lerobot, lerobot_problems
from strands_robots.dataset.verify_pictures import is_fault, look_at, video_problems
from strands_robots.dataset.verify_statistics import StatisticsCheck

__all__ = ["DatasetVerdict", "verify"]


@dataclass
class _Work:
    """What the checks of one dataset share."""

    root: Path
    info: Info
    origin: Origin
    tasks: list[str]
    pictures: bool
    verdict: DatasetVerdict
    vectors: Vectors
    statistics: StatisticsCheck
    digests: dict[bytes, int]


def verify(root: Path, expected: int | None = None, pictures: bool = True) -> DatasetVerdict:
    """Check a dataset.

    Args:
        root: Folder of the dataset.
        expected: Episodes that it must have; None for any number.
        pictures: Whether to decode the videos, and to have LeRobot open it where it is installed; the slow parts.

    Raises:
        DatasetError: If the folder holds no readable dataset at all.
    """
    verdict = DatasetVerdict(str(root))
    info = read_info(root)
    try:
        rows = read_episodes(root, info)
    except DatasetError as error:
        verdict.errors.append(f"{error}; valid: `strands-robots dataset recover {root}`")
        return verdict
    verdict.episodes, verdict.frames = len(rows), sum(row.length for row in rows)
    origin = find_origin(root, info, rows)
    check_counts(root, info, rows, expected, verdict)
    check_features(root, info, origin.schema, verdict)
    check_unlisted(root, rows, verdict)
    tasks = check_tasks(root, info, verdict)
    verdict.warnings += origin.notes
    work = _Work(
        root, info, origin, tasks, pictures, verdict, Vectors(root, info), StatisticsCheck(root, info), {}
    )  # fmt: skip
    check = EpisodeCheck(root, info)
    hold = bool(rows)
    for row in rows:
        problems = check.problems(row)
        verdict.errors += [f"episode {row.index}: {problem}" for problem in problems]
        hold = not problems and _check_episode(work, row) and hold
    verdict.errors += check.video_surplus(rows)
    verdict.errors += video_problems(info, rows, check)
    if hold:
        # Statistics of data that are wrong say nothing more.
        work.statistics.close(verdict)
    if pictures and verdict.is_good and rows and has_lerobot():
        verdict.errors += lerobot_problems(root, info, rows)
    return verdict


def _check_episode(work: _Work, row: EpisodeRow) -> bool:
    """Check one episode; return whether its data hold."""
    verdict, of = work.verdict, f"episode {row.index}: "
    try:
        data = work.vectors.episode(row)
    except DatasetError as error:
        verdict.errors.append(f"{of}{error}")
        return False
    if STATE not in data or ACTION not in data:
        return False
    found = check_vectors(data, row, work.info, work.tasks)
    verdict.lag.append(found.lag)
    account = read_account(work.root, row.index)
    schema = work.origin.schema
    state, action = data[STATE].astype(np.float64), data[ACTION].astype(np.float64)
    if schema is not None and len(schema.names()) == state.shape[1] == action.shape[1]:
        found.errors += _schema_problems(work, schema, account, state, action)
    found.errors += account_problems(account, row)
    found.warnings += account_warnings(account, row, work.info.fps)
    _note_twin(work, row, state, action)
    means: dict[str, NDArray[np.float64]] = {}
    if work.pictures and not found.errors:
        for key in work.info.video_keys:
            shown = look_at(work.root, work.info, row, key, state)
            means[key] = shown.mean
            if shown.problem:
                (found.errors if is_fault(shown, account, work.info.fps) else found.warnings).append(shown.problem)
    verdict.errors += [of + problem for problem in found.errors]
    verdict.warnings += [of + problem for problem in found.warnings]
    if found.errors:
        return False
    work.statistics.add(row, data, means, verdict)
    return True


def _schema_problems(
    work: _Work,
    schema: Schema,
    account: Mapping[str, Any] | None,
    state: NDArray[np.float64],
    action: NDArray[np.float64],
) -> list[str]:
    """Return what is wrong where it is known what the numbers mean."""
    if not work.origin.is_recorded:
        return []
    found = check_account_names(account, schema)
    found = found or range_problems(account, schema, state, action)
    return found + check_provenance(account)


def _note_twin(work: _Work, row: EpisodeRow, state: NDArray[np.float64], action: NDArray[np.float64]) -> None:
    """Warn of an episode that is there twice: it counts double in training."""
    digest = hashlib.sha256(state.tobytes() + action.tobytes()).digest()
    first = work.digests.setdefault(digest, row.index)
    if first != row.index:
        work.verdict.warnings.append(f"episode {row.index}: its states and actions are those of episode {first}")

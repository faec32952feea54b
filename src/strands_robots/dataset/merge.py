"""Makes one dataset of several, by LeRobot's own rule, and takes the accounts along."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset import files
from strands_robots.dataset.errors import DatasetError, RecordingError
from strands_robots.dataset.manifest import commit
from strands_robots.dataset.schema import Schema
from strands_robots.dataset.store import require_lerobot
from strands_robots.dataset.table import EPISODES, SCHEMA, read_account, read_episodes, read_info, read_schema
from strands_robots.dataset.verify import verify


def merge(roots: Sequence[Path], target: Path, repo_id: str) -> int:
    """Write the episodes of several datasets, in order, into a new one, and return their number.

    Args:
        roots: The datasets; of the same features, units and rate.
        target: The new one's folder; must not exist or be empty.
        repo_id: The new one's name.

    Raises:
        ConfigurationError: If they do not fit together, or the folder is taken.
        DatasetError: If one cannot be read, or the new one is not whole.
    """
    if len(roots) < 2:
        raise ConfigurationError(f"{len(roots)} dataset is given; valid: at least two")
    if target.exists() and any(target.iterdir()):
        raise ConfigurationError(f"{target} is not empty; valid: a new folder")
    schemas = [read_schema(root) for root in roots]
    for root, schema in zip(roots, schemas):
        if _described(schema) != _described(schemas[0]):
            raise ConfigurationError(
                f"{root} has other features, units or cameras than {roots[0]}; valid: datasets of one schema"
            )
        found = verify(root, pictures=False)
        if not found.is_good:
            raise DatasetError(f"{root} is not whole: {found.errors[0]}")
    require_lerobot()
    _aggregate(roots, target, repo_id)
    number = 0
    for root in roots:
        for row in read_episodes(root, read_info(root)):
            account = read_account(root, row.index)
            if account is not None:
                merged = {**account, "episode": number, "merged_from": {"root": str(root), "episode": row.index}}
                files.write_json(target / EPISODES / f"episode-{number:06d}.json", merged)
            number += 1
    if schemas[0] is not None:
        files.write_json(target / SCHEMA, schemas[0].to_json())
    info = read_info(target)
    commit(target, info.episodes, info.frames)
    found = verify(target, expected=number, pictures=False)
    if not found.is_good:
        raise DatasetError(f"{target} was merged but is not whole: {found.errors[0]}")
    return number


def _described(schema: Schema | None) -> object:
    return None if schema is None else schema.to_json()


def _aggregate(roots: Sequence[Path], target: Path, repo_id: str) -> None:
    from lerobot.datasets.aggregate import aggregate_datasets

    if target.exists():
        target.rmdir()
    try:
        aggregate_datasets(
            repo_ids=[f"local/{number}" for number in range(len(roots))],
            aggr_repo_id=repo_id,
            roots=list(roots),
            aggr_root=target,
        )
    except Exception as error:
        shutil.rmtree(target, ignore_errors=True)
        raise RecordingError(f"LeRobot could not merge them: {type(error).__name__}: {error}") from error

"""Makes one dataset of several, by LeRobot's own rule, and takes the accounts along."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset import files
from strands_robots.dataset.adopt import foreign_account, note_edit, take_accounts
from strands_robots.dataset.errors import DatasetError, RecordingError
from strands_robots.dataset.manifest import commit
from strands_robots.dataset.origin import find_origin
from strands_robots.dataset.restate import restate
from strands_robots.dataset.robot_type import current_type
from strands_robots.dataset.schema import ACTION, Schema
from strands_robots.dataset.store import require_lerobot
from strands_robots.dataset.table import SCHEMA, account_path, read_episodes, read_info
from strands_robots.dataset.verify import verify

ENCODING = ("video.codec", "video.pix_fmt")
"""What LeRobot wants to be equal although it reads each video by itself."""


def merge(roots: Sequence[Path], target: Path, repo_id: str) -> int:
    """Write the episodes of several datasets, in order, into a new one, and return their number.

    Datasets of lerobot-record go together with ours where robot, names, rate and pictures are the same.

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
    schemas = [_schema(root) for root in roots]
    first = next((schema for schema in schemas if schema is not None), None)
    for root, schema in zip(roots, schemas):
        if first is not None and _described(schema, first) != _described(first, first):
            raise ConfigurationError(
                f"{root} has other features, units or cameras than {roots[0]}: {_difference(schema, first)}"
            )
        found = verify(root, pictures=False)
        if not found.is_good:
            raise DatasetError(f"{root} is not whole: {found.errors[0]}")
    require_lerobot()
    _aggregate(roots, target, repo_id)
    number = _take_along(roots, target, schemas)
    restate(target)
    if first is not None:
        files.write_json(target / SCHEMA, replace(first, robot_type=read_info(target).robot_type).to_json())
    note_edit(target, f"merged of {', '.join(str(root) for root in roots)}")
    info = read_info(target)
    commit(target, info.episodes, info.frames)
    found = verify(target, expected=number, pictures=False)
    if not found.is_good:
        raise DatasetError(f"{target} was merged but is not whole: {found.errors[0]}")
    return number


def _schema(root: Path) -> Schema | None:
    info = read_info(root)
    return find_origin(root, info, read_episodes(root, info)).schema


def _described(schema: Schema | None, like: Schema) -> object:
    """Return what must be equal: everything but how an earlier version called the robot, and the names on the graph."""
    if schema is None:
        return None
    names = schema.names()
    data = replace(schema, robot_type=current_type(schema.robot_type, names)).to_json()
    for robot, other in zip(data["robots"], like.robots):
        if len(schema.robots) == 1:
            robot["name"] = other.name
    if len(schema.robots) == 1:
        data["cameras"] = sorted([each["key"], each["height"], each["width"]] for each in data["cameras"])
    return data


def _difference(schema: Schema | None, first: Schema) -> str:
    if schema is None:
        return "it was made by another recorder, and the meaning of its numbers is not known; valid: `strands-robots dataset adopt` first"
    ours, theirs = _described(first, first), _described(schema, first)
    assert isinstance(ours, dict) and isinstance(theirs, dict)
    for what in ours:
        if ours[what] != theirs.get(what):
            return f"{what} is {theirs.get(what)}; valid: {ours[what]}"
    return f"it has also {', '.join(what for what in theirs if what not in ours)}"


def _take_along(roots: Sequence[Path], target: Path, schemas: Sequence[Schema | None]) -> int:
    """Copy the accounts, and note where each episode came from; return the number of episodes."""
    number = 0
    known = any(schema is not None for schema in schemas)
    for root in roots:
        info = read_info(root)
        rows = read_episodes(root, info)
        take_accounts(root, target, {number + row.index: row.index for row in rows}, "merged_from")
        for row in rows:
            path = account_path(target, number + row.index)
            if known and not path.is_file():
                account = foreign_account(row, f"robot_type {info.robot_type or 'not given'}")
                account |= {"episode": number + row.index, "merged_from": {"root": str(root), "episode": row.index}}
                files.write_json(path, account)
        number += len(rows)
    return number


def _aggregate(roots: Sequence[Path], target: Path, repo_id: str) -> None:
    from lerobot.datasets.aggregate import aggregate_datasets

    if target.exists():
        target.rmdir()
    mixed = _mixed_encodings(roots)
    with tempfile.TemporaryDirectory(prefix="strands_robots_merge_") as folder:
        try:
            # Each file stays as it was encoded: two codecs, as ours and LeRobot's, do not go into one.
            aggregate_datasets(
                repo_ids=[f"local/{number}" for number in range(len(roots))],
                aggr_repo_id=repo_id,
                roots=[_in_words_of_today(root, Path(folder) / str(n), mixed) for n, root in enumerate(roots)],
                aggr_root=target,
                concatenate_videos=False,
            )
        # LeRobot raises whatever its libraries do.
        except Exception as error:
            shutil.rmtree(target, ignore_errors=True)
            raise RecordingError(f"LeRobot could not merge them: {type(error).__name__}: {error}") from error


def _mixed_encodings(roots: Sequence[Path]) -> list[tuple[str, str]]:
    """Return camera and setting of what differs in how the videos were encoded; LeRobot reads any, but refuses to merge them."""
    infos = [read_info(root) for root in roots]
    return [
        (key, name)
        for key in infos[0].video_keys
        for name in ENCODING
        if len({str((info.features[key].get("info") or {}).get(name)) for info in infos}) > 1
    ]


def _in_words_of_today(root: Path, copy: Path, mixed: Sequence[tuple[str, str]]) -> Path:
    """Return a dataset that LeRobot merges: itself, or a copy of its metadata with links to its files.

    Args:
        root: Folder of the dataset.
        copy: Folder of the copy.
        mixed: Camera and setting of the encodings that differ; they become null, as LeRobot does with the others.
    """
    info = read_info(root)
    wanted = current_type(info.robot_type, info.names(ACTION))
    if wanted == info.robot_type and not mixed:
        return root
    shutil.copytree(root / "meta", copy / "meta", ignore=shutil.ignore_patterns("strands_robots"))
    for name in ("data", "videos"):
        if (root / name).is_dir():
            (copy / name).symlink_to((root / name).absolute())
    data = {**files.read_json(root / files.INFO), "robot_type": wanted}
    for key, name in mixed:
        data["features"][key].setdefault("info", {})[name] = None
    files.write_json(copy / files.INFO, data)
    return copy

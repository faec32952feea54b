"""Takes episodes out of a dataset, or parts it, with LeRobot's own tools; accounts, statistics and manifest follow."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable
from strands_robots.dataset import files
from strands_robots.dataset.adopt import EDITS, note_edit, read_edits, take_accounts
from strands_robots.dataset.errors import DatasetError, RecordingError
from strands_robots.dataset.manifest import commit, read_progress
from strands_robots.dataset.origin import find_origin
from strands_robots.dataset.restate import restate
from strands_robots.dataset.store import require_lerobot
from strands_robots.dataset.table import SCHEMA, read_episodes, read_info
from strands_robots.dataset.verify import verify


def delete_episodes(root: Path, episodes: Sequence[int]) -> int:
    """Take episodes out of a dataset, and return how many are left.

    The others are numbered anew. The new dataset is made beside the old one, checked, and only then put in its place.

    Args:
        root: Folder of the dataset.
        episodes: Indices of the episodes.

    Raises:
        ConfigurationError: If there is no such episode, or none would be left, or a recorder has the dataset open.
        DatasetError: If the dataset, or what comes of it, is not whole; then nothing is changed.
        RecordingError: If LeRobot cannot do it; then nothing is changed.
    """
    root = root.absolute()
    number = _require_whole(root)
    gone = _require_episodes(episodes, number)
    if len(gone) == number:
        raise ConfigurationError(
            f"all {number} episodes are to be deleted; valid: leave one, or delete the folder {root}"
        )
    kept = [episode for episode in range(number) if episode not in gone]
    fresh, old = root.with_name(f".{root.name}.edited"), root.with_name(f".{root.name}.before")
    for folder in (fresh, old):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        _by_lerobot(root, lambda dataset, tools: tools.delete_episodes(dataset, gone, fresh, "local/edited"))
        words = ", ".join(map(str, gone))
        _complete(root, fresh, kept, "edited_from", f"episodes {words} of {number} were deleted")
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    root.rename(old)
    fresh.rename(root)
    files.sync_folders([root.parent])
    shutil.rmtree(old, ignore_errors=True)
    return len(kept)


def split(root: Path, target: Path, parts: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """Make several datasets of one, in folders of their names, and return their episodes.

    Args:
        root: Folder of the dataset; it stays as it is.
        target: Folder of the new ones.
        parts: Indices of the episodes by name.

    Raises:
        ConfigurationError: If there is no such episode, one is in two parts, or a folder is taken.
        DatasetError: If the dataset, or what comes of it, is not whole.
        RecordingError: If LeRobot cannot do it.
    """
    root, number = root.absolute(), _require_whole(root)
    chosen = {name: _require_episodes(episodes, number) for name, episodes in parts.items()}
    every = [episode for episodes in chosen.values() for episode in episodes]
    if len(set(every)) != len(every):
        raise ConfigurationError("an episode is in two parts; valid: each in one at most")
    for name in chosen:
        if (target / name).exists():
            raise ConfigurationError(f"{target / name} is there already; valid: new folders")
    try:
        _by_lerobot(root, lambda dataset, tools: tools.split_dataset(dataset, dict(chosen), target))
        for name, episodes in chosen.items():
            _complete(root, target / name, episodes, "split_from", f"episodes {episodes} of {root}")
    except BaseException:
        for name in chosen:
            shutil.rmtree(target / name, ignore_errors=True)
        raise
    return {name: len(episodes) for name, episodes in chosen.items()}


def read_parts(given: Sequence[str]) -> dict[str, list[int]]:
    """Return the episodes by name of parts such as "train=0:40" and "validation=40,43".

    Raises:
        ConfigurationError: If one is written otherwise, or a name is there twice.
    """
    parts: dict[str, list[int]] = {}
    for text in given:
        found = re.fullmatch(r"([A-Za-z0-9][\w.-]{0,63})=(?:(\d+):(\d+)|(\d+(?:,\d+)*))", text, re.ASCII)
        if found is None or found[1] in parts:
            raise ConfigurationError(
                f"part '{printable(text)}'; valid: '<name>=<first>:<end>' or '<name>=0,2,5', each name once"
            )
        name, first, end, every = found.groups()
        parts[name] = list(range(int(first), int(end))) if every is None else [int(each) for each in every.split(",")]
    return parts


def _require_whole(root: Path) -> int:
    """Return the number of episodes of a dataset that is whole and closed."""
    if (root / files.RESERVE).exists():
        episode, frames = read_progress(root)
        state = f"; episode {episode} has {frames} frames" if episode >= 0 else ""
        raise ConfigurationError(
            f"a recorder has {root} open, or died with it open{state}; valid: once the recording has ended, or after "
            f"`strands-robots dataset recover {root}`"
        )
    found = verify(root, pictures=False)
    if not found.is_good:
        raise DatasetError(f"{root} is not whole: {found.errors[0]}")
    return found.episodes


def _require_episodes(episodes: Sequence[int], number: int) -> list[int]:
    if not episodes:
        raise ConfigurationError(f"no episode is given; valid: one or more of 0 to {number - 1}")
    bad = [episode for episode in episodes if not 0 <= episode < number]
    if bad:
        raise ConfigurationError(f"there is no episode {', '.join(map(str, bad))}; valid: 0 to {number - 1}")
    return sorted(set(episodes))


def _by_lerobot(root: Path, work: Callable[[Any, Any], object]) -> None:
    require_lerobot()
    from lerobot.datasets import dataset_tools
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    # LeRobot raises whatever its libraries do.
    try:
        work(LeRobotDataset("local/original", root=root, video_backend="pyav"), dataset_tools)
    except Exception as error:
        raise RecordingError(f"LeRobot could not edit {root}: {type(error).__name__}: {error}") from error


def _complete(root: Path, fresh: Path, kept: Sequence[int], how: str, what: str) -> None:
    """Give a dataset that LeRobot made what its tools leave out, and check it."""
    info = read_info(root)
    origin = find_origin(root, info, read_episodes(root, info))
    restate(fresh)
    take_accounts(root, fresh, dict(enumerate(kept)), how)
    if origin.is_recorded and origin.schema is not None:
        files.write_json(fresh / SCHEMA, origin.schema.to_json())
    before = read_edits(root)
    if before:
        files.write_json(fresh / EDITS, before)
    note_edit(fresh, what)
    done = read_info(fresh)
    if origin.is_recorded:
        commit(fresh, done.episodes, done.frames)
    found = verify(fresh, expected=len(kept), pictures=False)
    if not found.is_good:
        raise DatasetError(f"{root} was edited, but the result is not complete and was discarded: {found.errors[0]}")

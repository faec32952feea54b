"""Takes a dataset that LeRobot's own tools, or another recorder, wrote among ours: its schema, the accounts of its episodes, a manifest."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from strands_robots.dataset import files
from strands_robots.dataset.manifest import commit
from strands_robots.dataset.origin import Origin, find_origin, require_known_schema, twins
from strands_robots.dataset.robot_type import current_type
from strands_robots.dataset.schema import Schema
from strands_robots.dataset.table import (
    EPISODES,
    SCHEMA,
    EpisodeRow,
    account_path,
    read_account,
    read_episodes,
    read_info,
)

EDITS = files.OURS / "edits.json"
"""What was done to a dataset after it was recorded, oldest first."""

_FORMATS = {"libsvtav1": "av1", "h264": "h264", "libx264": "h264", "hevc": "hevc", "libx265": "hevc"}
"""Format that an encoder makes, as a dataset's info names it."""


def adopt(root: Path, source: Path | None = None) -> list[str]:
    """Write beside a dataset what our recorder would have: schema, accounts, manifest. Returns what was done, one line each.

    Args:
        root: Folder of the dataset; one that is ours already stays as it is.
        source: The dataset from which it was made; None looks for it.

    Raises:
        ConfigurationError: If it is not known what its numbers mean.
        DatasetError: If it cannot be read.
    """
    info = read_info(root)
    rows = read_episodes(root, info)
    origin = find_origin(root, info, rows, source)
    if origin.is_recorded:
        return []
    schema = origin.schema or require_known_schema(root)
    found = {} if origin.folder is None else _accounts(root, rows, origin)
    for row in rows:
        account = found.get(row.index) or foreign_account(row, f"robot_type {info.robot_type or 'not given'}")
        files.write_json(account_path(root, row.index), account)
    files.write_json(root / SCHEMA, schema.to_json())
    commit(root, info.episodes, info.frames)
    if origin.folder is not None:
        line = f"edited by another tool: taken over with {len(found)} of {len(rows)} accounts of {origin.folder}"
    else:
        line = f"made by another recorder: taken over; units as LeRobot writes them for {info.robot_type}"
    note_edit(root, line)
    return [line]


def in_words_of_today(root: Path, stored: Schema, codec: str) -> tuple[Schema, list[str]]:
    """Give a dataset of an earlier version the robot_type that LeRobot's tools expect, and have its info name no codec but its only one.

    Args:
        root: Folder of the dataset.
        stored: Its schema.
        codec: Codec in which it goes on, as LeRobot names encoders.

    Returns:
        Its schema, and what was done, one line each.
    """
    wanted = current_type(stored.robot_type, stored.names())
    data = files.read_json(root / files.INFO)
    done = []
    for key, feature in data["features"].items():
        noted = feature.get("info") or {}
        if feature["dtype"] == "video" and noted.get("video.codec") not in (None, _FORMATS.get(codec, codec)):
            done.append(f"{key} continues in {codec}, after {noted['video.codec']}: the info names no codec any more")
            noted["video.codec"] = None
    if wanted != stored.robot_type:
        data["robot_type"], stored = wanted, replace(stored, robot_type=wanted)
        done.append(f"robot_type is now {wanted}, as LeRobot names the robot")
        files.write_json(root / SCHEMA, stored.to_json())
    if done:
        files.write_json(root / files.INFO, data)
        commit(root, int(data["total_episodes"]), int(data["total_frames"]))
    return stored, done


def foreign_account(row: EpisodeRow, recorder: str) -> dict[str, Any]:
    """Return the account of an episode without any notes."""
    return {
        "format": 1, "episode": row.index, "task": row.tasks[0] if row.tasks else "", "frames": row.length,
        "outcome": "unknown", "reward": 0.0, "skipped": 0, "dropped": 0, "marked": [], "streams": {}, "foreign": recorder,
    }  # fmt: skip


def note_edit(root: Path, what: str) -> None:
    """Note what was done to a dataset."""
    path = root / EDITS
    before = files.read_json(path) if path.is_file() else []
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    files.write_json(path, [*before, {"at": stamp, "what": what}])


def read_edits(root: Path) -> list[dict[str, str]]:
    """Return what was done to a dataset after it was recorded, oldest first."""
    path = root / EDITS
    return list(files.read_json(path)) if path.is_file() else []


def take_accounts(source: Path, target: Path, episodes: dict[int, int], how: str) -> None:
    """Copy accounts into a dataset made of another one.

    Args:
        source: The other dataset.
        target: The new one.
        episodes: Episode of `source` by episode of `target`.
        how: Name of what the account keeps of it, for example "merged_from".
    """
    (target / EPISODES).mkdir(parents=True, exist_ok=True)
    for new, old in episodes.items():
        account = read_account(source, old)
        if account is not None:
            files.write_json(account_path(target, new), _moved(account, new, source, old, how))


def _accounts(root: Path, rows: list[EpisodeRow], origin: Origin) -> dict[int, dict[str, Any]]:
    assert origin.folder is not None
    other = read_info(origin.folder)
    same = twins(root, read_info(root), rows, origin.folder, other, read_episodes(origin.folder, other))
    found = {}
    for new, old in same.items():
        account = read_account(origin.folder, old)
        if account is not None:
            found[new] = _moved(account, new, origin.folder, old, "edited_from")
    return found


def _moved(account: dict[str, Any], new: int, source: Path, old: int, how: str) -> dict[str, Any]:
    return {**account, "episode": new, how: {"root": str(source), "episode": old}}

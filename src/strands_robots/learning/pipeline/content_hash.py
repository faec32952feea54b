"""Hashes of what stages make: the same when the content is the same, whenever and in how many goes it was made. Reads files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from strands_robots.dataset.depth import read_depths
from strands_robots.dataset.table import library, read_episodes, read_info, read_pictures, read_table
from strands_robots.evaluation.digests import files_sha256, text_sha256

_TRAINING_ONLY = frozenset({"train_config.json", "README.md"})
"""Files beside the weights that name folders and times, and do not decide what the policy does."""

_NOT_THE_POLICY = ("pretrained_path", "pretrained_revision", "repo_id", "push_to_hub", "private", "tags", "license")
"""Fields of config.json that do not decide what the policy does; a resumed training writes another pretrained_path."""


def canonical_sha256(value: Any) -> str:
    """Return the SHA-256 of a value of JSON, whatever the order of its names."""
    return text_sha256(json.dumps(value, sort_keys=True, separators=(",", ":")))


def dataset_sha256(root: Path) -> str:
    """Return the SHA-256 of what a LeRobotDataset teaches: features, rows, pictures, tasks and statistics.

    Files, their names and sizes, provenance and times of recording do not count.

    Raises:
        DatasetError: If it cannot be read.
    """
    info = read_info(root)
    digest = hashlib.sha256()
    features = {
        name: {key: value for key, value in entry.items() if key != "info"} for name, entry in info.features.items()
    }
    digest.update(canonical_sha256([info.fps, info.robot_type, info.episodes, info.frames, features]).encode())
    path: Path | None = None
    table: Any = None
    for row in read_episodes(root, info):
        digest.update(canonical_sha256([row.index, row.length, list(row.tasks)]).encode())
        if row.data != path:
            path, table = row.data, read_table(root / row.data)
        chosen = table.filter(library("pyarrow.compute").equal(table["episode_index"], row.index))
        for name in sorted(chosen.column_names):
            digest.update(f"{name}\0{canonical_sha256(chosen[name].to_pylist())}\n".encode())
        for key in info.video_keys:
            read = read_depths if key in info.depth_keys else read_pictures
            for picture in read(root, info, row, key):
                digest.update(np.ascontiguousarray(picture).tobytes())
    statistics = root / "meta" / "stats.json"
    if statistics.is_file():
        digest.update(canonical_sha256(json.loads(statistics.read_text(encoding="utf-8"))).encode())
    return digest.hexdigest()


def policy_sha256(folder: Path) -> str:
    """Return the SHA-256 of a trained policy: weights, processors, configuration and adapter.

    Raises:
        OSError: If it cannot be read.
    """
    digest = hashlib.sha256()
    for path in sorted(entry for entry in folder.rglob("*") if entry.is_file() and entry.name not in _TRAINING_ONLY):
        if path.suffix == ".json":
            given = json.loads(path.read_text(encoding="utf-8"))
            left_out = _NOT_THE_POLICY if path.name == "config.json" else ()
            one = canonical_sha256(_as_read_again({n: value for n, value in given.items() if n not in left_out}))
        else:
            one = files_sha256(path)
        digest.update(f"{path.relative_to(folder).as_posix()}\0{one}\n".encode())
    return digest.hexdigest()


def _as_read_again(value: Any) -> Any:
    """Return a configuration with 0 and 1 for false and true.

    LeRobot declares whole numbers whose default is False (`replace_final_stride_with_dilation`) and writes 0 once it has read them.
    """
    if isinstance(value, dict):
        return {name: _as_read_again(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_as_read_again(entry) for entry in value]
    return int(value) if isinstance(value, bool) else value


def weights_sha256(folder: Path) -> str:
    """Return the SHA-256 of the file of weights."""
    return files_sha256(folder / "model.safetensors")

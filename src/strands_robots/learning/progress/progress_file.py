"""Progress of every frame of a dataset as LeRobot's trainer and tools read it. Reads and writes parquet.

Columns: index (in the dataset), episode_index, frame_index, progress_sparse (0 to 1, NaN where it is not known), and in the file's
metadata reward_model_path, which says what made it. Source: lerobot/rewards/sarm/compute_rabc_weights.py, lerobot 0.6.1.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset.errors import DatasetError
from strands_robots.dataset.files import sync_files, sync_folders
from strands_robots.dataset.table import library, read_account, read_episodes, read_info, read_table

NAME = "true_progress.parquet"
TRUE = "strands_robots/true_progress"
"""What stands for a reward model where the task's own conditions said it."""

COLUMN = "progress_sparse"


@dataclass(frozen=True)
class ProgressRows:
    """Progress of the frames of a dataset.

    Attributes:
        index: Of each frame in the dataset (N,).
        episode: Number of its episode (N,).
        frame: Of the frame in its episode (N,).
        progress: 0 to 1, NaN where it is not known (N,).
        source: What made it.
    """

    index: NDArray[np.int64]
    episode: NDArray[np.int64]
    frame: NDArray[np.int64]
    progress: NDArray[np.float64]
    source: str


def true_progress(root: Path) -> ProgressRows:
    """Return the progress that was noted while a dataset was recorded in simulation.

    Raises:
        DatasetError: If the dataset cannot be read.
        ConfigurationError: If an episode has none; `strands-robots demonstrate` notes it.
    """
    info = read_info(root)
    parts: list[tuple[NDArray[np.int64], int, NDArray[np.float64]]] = []
    for row in read_episodes(root, info):
        noted = ((read_account(root, row.index) or {}).get("provenance") or {}).get("progress")
        if noted is None:
            raise ConfigurationError(
                f"episode {row.index} of {root} has no true progress; valid: a dataset that `strands-robots demonstrate` recorded"
            )
        if len(noted) < row.length:
            raise DatasetError(
                f"episode {row.index} of {root} has {row.length} frames and {len(noted)} numbers of progress"
            )
        parts.append((np.arange(row.start, row.end), row.index, np.array(noted[: row.length], dtype=np.float64)))
    if not parts:
        raise ConfigurationError(f"{root} has no episodes; valid: a dataset with some")
    return ProgressRows(
        np.concatenate([index for index, _, _ in parts]),
        np.concatenate([np.full(len(index), episode) for index, episode, _ in parts]),
        np.concatenate([np.arange(len(index)) for index, _, _ in parts]),
        np.concatenate([progress for _, _, progress in parts]), TRUE,
    )  # fmt: skip


def write_progress(path: Path, rows: ProgressRows) -> None:
    """Write a file of progress whole or not at all."""
    pa, pq = library("pyarrow"), library("pyarrow.parquet")
    table = pa.table(
        {
            "index": rows.index.astype(np.int64), "episode_index": rows.episode.astype(np.int64),
            "frame_index": rows.frame.astype(np.int64), COLUMN: rows.progress.astype(np.float32),
        }
    )  # fmt: skip
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        pq.write_table(table.replace_schema_metadata({b"reward_model_path": rows.source.encode()}), partial)
        sync_files([partial])
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    sync_folders([path.parent])


def read_progress(path: Path) -> ProgressRows:
    """Return the progress in a file of ours or of LeRobot's reward models.

    Raises:
        DatasetError: If it cannot be read or lacks a column.
    """
    table = read_table(path)
    missing = [name for name in ("index", "episode_index", "frame_index", COLUMN) if name not in table.column_names]
    if missing:
        raise DatasetError(f"{path} lacks {', '.join(missing)}; it has {', '.join(table.column_names)}")
    metadata = table.schema.metadata or {}
    numbers = {
        name: np.array(table[name].to_pylist(), dtype=np.int64) for name in ("index", "episode_index", "frame_index")
    }
    progress = np.array([np.nan if value is None else value for value in table[COLUMN].to_pylist()], dtype=np.float64)
    source = metadata.get(b"reward_model_path", b"").decode(errors="replace")
    return ProgressRows(numbers["index"], numbers["episode_index"], numbers["frame_index"], progress, source)

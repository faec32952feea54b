"""Reads a LeRobotDataset v3 without LeRobot and torch: its info, episodes and vectors, and counts of video frames."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset import files
from strands_robots.dataset.errors import DatasetError
from strands_robots.dataset.schema import Schema, schema_from_json

SCHEMA = files.OURS / "schema.json"
EPISODES = files.OURS / "episodes"

_VIDEO = "videos/"


@dataclass(frozen=True)
class VideoPart:
    """Where an episode's pictures of one camera are.

    Attributes:
        path: File, relative.
        start, end: Part of it [s].
    """

    path: Path
    start: float
    end: float


@dataclass(frozen=True)
class EpisodeRow:
    """One episode of the episode table.

    Attributes:
        index: Its number.
        length: Its frames.
        tasks: What was done, in words.
        start: Index of its first frame in the dataset.
        data: File of its vectors, relative.
        videos: By key.
        table: File of this row, relative.
        end: Index after its last frame in the dataset.
    """

    index: int
    length: int
    tasks: tuple[str, ...]
    start: int
    data: Path
    videos: Mapping[str, VideoPart]
    table: Path
    end: int


@dataclass(frozen=True)
class Info:
    """What meta/info.json says."""

    fps: int
    episodes: int
    frames: int
    features: Mapping[str, Mapping[str, Any]]
    data_path: str
    video_path: str
    robot_type: str
    version: str
    tasks: int = 0
    splits: Mapping[str, str] = field(default_factory=dict)

    @property
    def video_keys(self) -> list[str]:
        """Features that are videos."""
        return [key for key, feature in self.features.items() if feature["dtype"] == "video"]

    @property
    def depth_keys(self) -> list[str]:
        """Videos whose pictures are distances."""
        return [key for key in self.video_keys if (self.features[key].get("info") or {}).get("is_depth_map")]

    def names(self, feature: str) -> list[str]:
        """Return the names of a vector's elements."""
        return list(self.features[feature].get("names") or [])


def library(name: str) -> Any:
    """Return a library of the learning set-up, imported when it is needed.

    Raises:
        ConfigurationError: If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigurationError(
            f"datasets need {name}, which is not installed here; valid: make setup-learning ({error})"
        ) from error


def read_info(root: Path) -> Info:
    """Return the dataset's info.

    Raises:
        DatasetError: If it is missing or of another version than v3.
    """
    path = root / files.INFO
    data = files.read_json(path)
    try:
        version = str(data["codebase_version"])
        if not version.startswith("v3."):
            raise DatasetError(f"{path} is of version {version}; valid: v3")
        if not (isinstance(data["fps"], int) and data["fps"] > 0):
            raise DatasetError(f"{path} has fps {data['fps']}; valid: a whole number above 0")
        bad = [name for name, feature in data["features"].items() if not isinstance(feature.get("dtype"), str)]
        if bad:
            raise DatasetError(f"{path} gives no dtype of {', '.join(bad)}; valid: one for each feature")
        return Info(
            int(data["fps"]), int(data["total_episodes"]), int(data["total_frames"]), data["features"],
            data["data_path"], data.get("video_path") or "", data.get("robot_type") or "", version,
            int(data.get("total_tasks", 0)), dict(data.get("splits") or {}),
        )  # fmt: skip
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{path} is not complete: {error!r}") from error


def read_schema(root: Path) -> Schema | None:
    """Return the schema that the recorder stored; None for a dataset of another recorder."""
    path = root / SCHEMA
    if not path.is_file():
        return None
    try:
        return schema_from_json(files.read_json(path))
    except ConfigurationError as error:
        raise DatasetError(f"{path}: {error}") from error


def require_schema(root: Path) -> Schema:
    """Return the schema that the recorder stored.

    Raises:
        ConfigurationError: If the dataset is another recorder's, so that it is unknown what its numbers mean.
    """
    schema = read_schema(root)
    if schema is None:
        raise ConfigurationError(
            f"{root} was made by another recorder: its units are not known; valid: a dataset of strands_robots"
        )
    return schema


def account_path(root: Path, episode: int) -> Path:
    """Return the file of what the recorder stored beside an episode."""
    return root / EPISODES / f"episode-{episode:06d}.json"


def read_account(root: Path, episode: int) -> dict[str, Any] | None:
    """Return what the recorder stored beside an episode; None when there is nothing."""
    path = account_path(root, episode)
    if not path.is_file():
        return None
    data = files.read_json(path)
    return data if isinstance(data, dict) else None


def read_table(path: Path, columns: list[str] | None = None) -> Any:
    """Return a parquet file as a pyarrow table.

    Raises:
        DatasetError: If it has no footer or is damaged.
    """
    pa, pq = library("pyarrow"), library("pyarrow.parquet")
    try:
        return pq.read_table(path, columns=columns, partitioning=None)
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error


def table_rows(root: Path, path: Path, info: Info) -> Iterator[EpisodeRow]:
    """Give the episodes of one file of the episode table.

    Raises:
        DatasetError: If it cannot be read.
    """
    table = read_table(root / path)
    wanted = [name for name in table.column_names if not name.startswith("stats/")]
    for row in table.select(wanted).to_pylist():
        try:
            yield _row(row, path, info)
        except (KeyError, TypeError) as error:
            raise DatasetError(f"{root / path} lacks {error}") from error


def read_episodes(root: Path, info: Info) -> list[EpisodeRow]:
    """Return every episode in order.

    Raises:
        DatasetError: If a file of the table cannot be read.
    """
    paths = sorted((root / "meta/episodes").glob("*/*.parquet"))
    rows = [row for path in paths for row in table_rows(root, path.relative_to(root), info)]
    return sorted(rows, key=lambda row: row.index)


def read_episode(root: Path, info: Info, episode: int) -> EpisodeRow:
    """Return one episode.

    Raises:
        ConfigurationError: If there is no such episode; the message says which there are.
    """
    rows = read_episodes(root, info)
    if not 0 <= episode < len(rows):
        raise ConfigurationError(f"episode {episode} is asked for; valid: 0 to {len(rows) - 1}")
    return rows[episode]


def read_tasks(root: Path) -> list[str]:
    """Return the tasks in the order in which LeRobot counts them.

    Raises:
        DatasetError: If the file is missing or damaged, or its rows are not numbered 0, 1, 2, ...
    """
    path = root / files.TASKS
    frame = read_table(path).to_pandas()
    if "task_index" not in frame.columns:
        raise DatasetError(f"{path} has no column task_index")
    names = [str(name) for name in (frame["task"] if "task" in frame.columns else frame.index)]
    indices = [int(index) for index in frame["task_index"]]
    # LeRobot looks a task up by the place of its row, not by the number in it.
    if indices != list(range(len(names))):
        raise DatasetError(f"{path} numbers its tasks {indices}; valid: {list(range(len(names)))}")
    return names


def read_episode_statistics(root: Path, table: Path) -> dict[int, dict[str, dict[str, NDArray[np.float64]]]]:
    """Return what one file of the episode table says of each episode: statistic by kind and feature.

    Raises:
        DatasetError: If it cannot be read.
    """
    data = read_table(root / table)
    columns = [name for name in data.column_names if name.startswith("stats/")]
    found: dict[int, dict[str, dict[str, NDArray[np.float64]]]] = {}
    for row in data.select(["episode_index", *columns]).to_pylist():
        stats: dict[str, dict[str, NDArray[np.float64]]] = {}
        for name in columns:
            feature, _, kind = name.removeprefix("stats/").rpartition("/")
            if row[name] is not None:
                stats.setdefault(feature, {})[kind] = np.array(row[name])
        found[int(row["episode_index"])] = stats
    return found


def read_vectors(root: Path, row: EpisodeRow, columns: list[str] | None = None) -> dict[str, NDArray[Any]]:
    """Return the columns of one episode, (N,) or (N, D); language columns are no vectors and are left out.

    Raises:
        DatasetError: If its file cannot be read or a column is missing.
    """
    pc = library("pyarrow.compute")
    table = read_table(root / row.data)
    missing = [name for name in (columns or []) if name not in table.column_names]
    if missing:
        raise DatasetError(f"{root / row.data} lacks the columns {', '.join(missing)}")
    table = table.filter(pc.equal(table["episode_index"], row.index))
    numbers = [name for name in table.column_names if not name.startswith("language_")]
    return {name: _column(table[name]) for name in (columns or numbers)}


def _column(column: Any) -> NDArray[Any]:
    """Return a column as numpy has it; vectors of one length without a Python object for each number."""
    pa = library("pyarrow")
    kind = column.type
    is_vector = pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind)
    if is_vector and not column.null_count and len(column):
        flat = column.combine_chunks().flatten()
        lengths = library("pyarrow.compute").list_value_length(column).unique()
        if len(lengths) == 1 and not flat.null_count and pa.types.is_floating(kind.value_type):
            return np.asarray(flat.to_numpy(zero_copy_only=False), dtype=np.float64).reshape(len(column), -1)
    return np.array(column.to_pylist())


def read_pictures(root: Path, info: Info, row: EpisodeRow, key: str) -> Iterator[NDArray[np.uint8]]:
    """Give the pictures (H, W, 3) of an episode in order.

    Raises:
        DatasetError: If the video cannot be read.
    """
    av = library("av")
    part = row.videos[key]
    half = 0.5 / info.fps
    try:
        with av.open(str(root / part.path)) as container:
            stream = container.streams.video[0]
            container.seek(max(int((part.start - half) / stream.time_base), 0), stream=stream)
            given = 0
            for frame in container.decode(stream):
                if frame.time is not None and frame.time >= part.start - half:
                    if given == row.length:
                        return
                    given += 1
                    yield frame.to_ndarray(format="rgb24")
    except (av.error.FFmpegError, OSError, IndexError) as error:
        raise DatasetError(f"{root / part.path} is no readable video: {error}") from error


def _row(row: Mapping[str, Any], path: Path, info: Info) -> EpisodeRow:
    videos = {
        key: VideoPart(
            Path(info.video_path.format(
                video_key=key, chunk_index=row[f"{_VIDEO}{key}/chunk_index"], file_index=row[f"{_VIDEO}{key}/file_index"]
            )),
            float(row[f"{_VIDEO}{key}/from_timestamp"]),
            float(row[f"{_VIDEO}{key}/to_timestamp"]),
        )
        for key in info.video_keys
    }  # fmt: skip
    data = info.data_path.format(chunk_index=row["data/chunk_index"], file_index=row["data/file_index"])
    tasks = row["tasks"]
    names = tuple(json.loads(tasks)) if isinstance(tasks, str) and tasks.startswith("[") else tuple(tasks or ())
    return EpisodeRow(
        int(row["episode_index"]), int(row["length"]), names, int(row["dataset_from_index"]), Path(data), videos, path,
        int(row["dataset_to_index"]),
    )  # fmt: skip

"""Makes the statistics of a dataset anew from its numbers: what LeRobot's tools leave as it was in the datasets that they made it of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strands_robots.dataset import files
from strands_robots.dataset.errors import RecordingError
from strands_robots.dataset.statistics import BOOKKEEPING
from strands_robots.dataset.table import Info, library, read_episode_statistics, read_episodes, read_info, read_table
from strands_robots.dataset.vectors import Vectors


def restate(root: Path) -> list[Path]:
    """Compute the statistics of every number of every episode anew, and those of the dataset from them; returns what changed.

    Pictures keep the statistics that were taken when they were recorded. LeRobot's own functions compute and join them.

    Raises:
        DatasetError: If the dataset cannot be read.
        RecordingError: If LeRobot refuses to join the statistics.
    """
    info = read_info(root)
    rows = read_episodes(root, info)
    vectors = Vectors(root, info)
    changed = []
    every: list[dict[str, dict[str, NDArray[Any]]]] = []
    data: dict[str, list[NDArray[Any]]] = {}
    for path in sorted({row.table for row in rows}):
        stored = read_episode_statistics(root, path)
        fresh = {}
        for row in (row for row in rows if row.table == path):
            numbers = vectors.episode(row)
            for name, values in numbers.items():
                data.setdefault(name, []).append(values)
            fresh[row.index] = {**_pictures(stored[row.index], info), **_of_episode(numbers, info)}
        if _write(root / path, fresh):
            changed.append(path)
        every += [fresh[index] for index in sorted(fresh)]
    before = (root / files.STATS).read_bytes() if (root / files.STATS).is_file() else b""
    _write_dataset(root, every, data)
    return changed + ([files.STATS] if (root / files.STATS).read_bytes() != before else [])


def _of_episode(numbers: Mapping[str, NDArray[Any]], info: Info) -> dict[str, dict[str, NDArray[Any]]]:
    from lerobot.datasets.compute_stats import compute_episode_stats

    features = {name: dict(info.features[name]) for name in numbers}
    stats: dict[str, dict[str, NDArray[Any]]] = compute_episode_stats(dict(numbers), features)
    return stats


def _pictures(stored: Mapping[str, Mapping[str, Any]], info: Info) -> dict[str, dict[str, NDArray[Any]]]:
    """Return the statistics of an episode's pictures, in the shape that LeRobot joins: (C, 1, 1), the count (1,)."""
    found: dict[str, dict[str, NDArray[Any]]] = {}
    for name, feature in info.features.items():
        if feature["dtype"] in ("video", "image") and name in stored:
            found[name] = {
                kind: np.asarray(value, dtype=np.float64).reshape((-1,) if kind == "count" else (-1, 1, 1))
                for kind, value in stored[name].items()
            }
    return found


def _write_dataset(
    root: Path, every: Sequence[dict[str, dict[str, NDArray[Any]]]], data: Mapping[str, list[NDArray[Any]]]
) -> None:
    from lerobot.datasets.compute_stats import aggregate_stats
    from lerobot.datasets.io_utils import write_stats

    try:
        joined = aggregate_stats(list(every))
    except (ValueError, KeyError) as error:
        raise RecordingError(f"LeRobot cannot join the statistics of the episodes of {root}: {error}") from error
    for name in BOOKKEEPING:
        # LeRobot averages the episodes' quantiles, which says nothing of numbers that only count.
        if name in data:
            rows = np.concatenate(data[name]).astype(np.float64).reshape(-1)
            joined[name].update(
                {kind: np.array([np.quantile(rows, q)]) for kind, q in _QUANTILES if kind in joined[name]}
            )
    write_stats(joined, root)


_QUANTILES = (("q01", 0.01), ("q10", 0.10), ("q50", 0.50), ("q90", 0.90), ("q99", 0.99))


def _write(path: Path, fresh: Mapping[int, Mapping[str, Mapping[str, NDArray[Any]]]]) -> bool:
    """Put statistics into one file of the episode table, column by column in the types that it has; returns whether it changed."""
    pa, pq = library("pyarrow"), library("pyarrow.parquet")
    table = read_table(path)
    changed = table
    indices = [int(index) for index in table["episode_index"].to_pylist()]
    for name in [name for name in table.column_names if name.startswith("stats/")]:
        feature, _, kind = name.removeprefix("stats/").rpartition("/")
        if any(kind not in fresh[index].get(feature, {}) for index in indices):
            continue
        column = table[name]
        values = pa.array([fresh[index][feature][kind].tolist() for index in indices], type=column.type)
        changed = changed.set_column(changed.column_names.index(name), table.schema.field(name), values)
    if changed.equals(table):
        return False
    partial = path.with_name(f".{path.name}.partial")
    pq.write_table(changed, partial)
    files.sync_files([partial])
    partial.replace(path)
    return True

"""Whether the statistics of a dataset and of its episodes are those of its data: policies are normalised by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strands_robots.dataset import files
from strands_robots.dataset.errors import DatasetError
from strands_robots.dataset.statistics import BOOKKEEPING, picture_problems, statistics_problems
from strands_robots.dataset.table import EpisodeRow, Info, read_episode_statistics
from strands_robots.dataset.vectors import Vectors
from strands_robots.dataset.verdict import DatasetVerdict

REMEDY = "`strands-robots dataset recover` makes them anew"

_PICTURES = ("video", "image")


class StatisticsCheck:
    """Collects what the data are, episode after episode, and compares it with what is stored.

    Args:
        root: Folder of the dataset.
        info: Its info.
    """

    def __init__(self, root: Path, info: Info) -> None:
        self._root = root
        self._info = info
        self._data: dict[str, list[NDArray[Any]]] = {}
        self._means: dict[str, list[tuple[NDArray[np.float64], int]]] = {}
        self._path: Path | None = None
        self._stored: Mapping[int, Mapping[str, Any]] = {}

    def add(
        self,
        row: EpisodeRow,
        data: Mapping[str, NDArray[Any]],
        means: Mapping[str, NDArray[np.float64]],
        verdict: DatasetVerdict,
    ) -> None:
        """Check the statistics of one episode.

        Args:
            row: The episode.
            data: Its numbers (N,) or (N, D) by feature.
            means: Mean of each channel (3,), 0 to 1, by camera; empty where pictures were not decoded.
            verdict: Takes what is wrong.
        """
        if self._path != row.table:
            self._path, self._stored = row.table, read_episode_statistics(self._root, row.table)
        stored = self._stored.get(row.index, {})
        for name, values in data.items():
            self._data.setdefault(name, []).append(values)
            problems = statistics_problems(stored.get(name), values, self._info.names(name))
            self._tell(f"episode {row.index}: its statistics of {name}", name, problems, verdict)
        for name in self._pictures():
            mean = means.get(name)
            if mean is not None:
                self._means.setdefault(name, []).append((mean, row.length))
            problems = picture_problems(stored.get(name), mean)
            self._tell(f"episode {row.index}: its statistics of {name}", name, problems, verdict)

    def close(self, verdict: DatasetVerdict) -> None:
        """Check the statistics of the dataset, after every episode was added."""
        try:
            stored = files.read_json(self._root / files.STATS)
        except DatasetError as error:
            verdict.errors.append(f"{error}: no policy can be normalised by it; valid: {REMEDY}")
            return
        if not isinstance(stored, dict):
            verdict.errors.append(
                f"{files.STATS} is a JSON {type(stored).__name__}; valid: an object by feature; {REMEDY}"
            )
            return
        for name, parts in self._data.items():
            problems = statistics_problems(
                _of(stored, name), np.concatenate(parts), self._info.names(name), max(len(parts), 2)
            )
            self._tell(f"{files.STATS}: {name}", name, problems, verdict)
        for name in self._pictures():
            means = self._means.get(name)
            mean = None
            if means:
                weights = [length for _, length in means]
                mean = np.average([each for each, _ in means], axis=0, weights=weights)
            self._tell(f"{files.STATS}: {name}", name, picture_problems(_of(stored, name), mean), verdict)

    def _tell(self, what: str, name: str, problems: Sequence[str], verdict: DatasetVerdict) -> None:
        """Note problems: no policy is normalised by the features that LeRobot adds, so those are warnings."""
        lines = [f"{what}: {problem}" for problem in problems]
        (verdict.warnings if name in BOOKKEEPING else verdict.errors).extend(lines)

    def _pictures(self) -> list[str]:
        depth = [name for name, f in self._info.features.items() if (f.get("info") or {}).get("is_depth_map")]
        return [n for n, f in self._info.features.items() if f["dtype"] in _PICTURES and n not in depth]


def statistics_fit(root: Path, info: Info, rows: Sequence[EpisodeRow]) -> bool:
    """Return whether the statistics of a dataset's numbers are those of its data; pictures are not decoded."""
    check, verdict, vectors = StatisticsCheck(root, info), DatasetVerdict(str(root)), Vectors(root, info)
    try:
        for row in rows:
            check.add(row, vectors.episode(row), {}, verdict)
    except DatasetError:
        return False
    check.close(verdict)
    return not verdict.errors


def _of(stored: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    found = stored.get(name)
    return found if isinstance(found, dict) else None

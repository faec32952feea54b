"""What can be graded: a video, an episode of a dataset, and the failures of an evaluation."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from strands_robots.core.errors import ConfigurationError
from strands_robots.evaluation.critic.video import episode_video, read_video

CRITIQUES = "critiques"
"""Folder of a dataset with the verdicts about its episodes."""

RESULTS = "results.json"


@dataclass(frozen=True)
class Target:
    """One episode.

    Attributes:
        name: What it is, in words.
        task: What the robot should do, in words.
        video: Returns its MP4.
        verdict_path: Where its verdict is kept.
    """

    name: str
    task: str
    video: Callable[[], bytes]
    verdict_path: Path


def find_targets(
    path: Path, episodes: Sequence[int] = (), task: str = "", camera: str = "", rate: float = 4.0
) -> list[Target]:
    """Return the episodes that a path means.

    Args:
        path: A video; the folder of a dataset; or the output folder of an evaluation, whose failures are meant.
        episodes: Of a dataset; none takes all.
        task: What the robot should do; empty takes what the dataset or the evaluation says.
        camera: Of a dataset; empty where it has one.
        rate: Pictures a second [Hz].

    Raises:
        ConfigurationError: If it means none.
    """
    if path.is_file():
        return [Target(str(path), task, partial(read_video, path), path.with_name(path.name + ".verdict.json"))]
    if (path / RESULTS).is_file():
        return _failures(path, task)
    if (path / "meta" / "info.json").is_file():
        return _episodes(path, episodes, task, camera, rate)
    raise ConfigurationError(
        f"'{path}' cannot be graded; valid: an .mp4 or .gif, a dataset's folder, or an evaluation's with {RESULTS}"
    )


def _failures(folder: Path, task: str) -> list[Target]:
    try:
        data = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
        told = task or str(data["task"].get("instruction", ""))
        results = [entry for entry in data["results"] if entry.get("video") and not entry["success"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{folder / RESULTS} cannot be read: {error!r}") from error
    if not results:
        raise ConfigurationError(f"{folder} has no video of a failure; valid: an evaluation with --failure-videos")
    targets = []
    for entry in results:
        video = Path(entry["video"])
        video = video if video.is_file() else folder / video.name
        beside = video.with_name(video.name + ".verdict.json")
        targets.append(Target(f"{folder}: seed {entry['seed']}", told, partial(read_video, video), beside))
    return targets


def _episodes(root: Path, episodes: Sequence[int], task: str, camera: str, rate: float) -> list[Target]:
    from strands_robots.dataset.table import read_episodes, read_info

    rows = read_episodes(root, read_info(root))
    unknown = [number for number in episodes if not 0 <= number < len(rows)]
    if unknown:
        raise ConfigurationError(f"episode {unknown[0]} is asked for; valid: 0 to {len(rows) - 1}")
    return [
        Target(
            f"{root}: episode {row.index}", task or ", ".join(row.tasks), partial(episode_video, root, row.index, camera, rate),
            root / CRITIQUES / f"episode-{row.index:06d}.json",
        )
        for row in rows
        if not episodes or row.index in episodes
    ]  # fmt: skip

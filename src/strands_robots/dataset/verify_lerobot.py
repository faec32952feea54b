"""The last judge of a dataset: LeRobot itself opens it and reads frames of it."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Sequence
from pathlib import Path

from strands_robots.dataset.table import EpisodeRow, Info

MOST_EPISODES = 8
"""Episodes of which frames are read: the first, the last, and some between."""


def has_lerobot() -> bool:
    """Return whether LeRobot is installed here."""
    return all(importlib.util.find_spec(name) is not None for name in ("lerobot", "torch"))


def lerobot_problems(root: Path, info: Info, rows: Sequence[EpisodeRow]) -> list[str]:
    """Return why LeRobot cannot open a dataset, or cannot read the first, middle and last frame of its episodes."""
    import datasets

    step = max(len(rows) // MOST_EPISODES, 1)
    chosen = [*rows[::step], rows[-1]]
    before, datasets.config.HF_DATASETS_CACHE = datasets.config.HF_DATASETS_CACHE, None
    try:
        with tempfile.TemporaryDirectory(prefix="strands_robots_verify_") as cache:
            datasets.config.HF_DATASETS_CACHE = Path(cache)
            return _read(root, info, chosen)
    finally:
        datasets.config.HF_DATASETS_CACHE = before


def _read(root: Path, info: Info, rows: Sequence[EpisodeRow]) -> list[str]:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    at = "opening it"
    try:
        data = LeRobotDataset("local/verified", root=root, video_backend="pyav")
        if (data.num_episodes, data.num_frames) != (info.episodes, info.frames):
            return [f"LeRobot finds {data.num_episodes} episodes and {data.num_frames} frames"]
        for row in rows:
            for index in sorted({row.start, row.start + row.length // 2, row.start + row.length - 1}):
                at = f"reading frame {index}"
                item = data[index]
                if (int(item["episode_index"]), int(item["index"])) != (row.index, index):
                    return [
                        f"LeRobot gives frame {int(item['index'])} of episode {int(item['episode_index'])} as frame {index}"
                    ]
    except Exception as error:  # noqa: BLE001 - whatever LeRobot raises is its verdict; it has no error type of its own
        text = str(error).strip().splitlines()
        return [f"LeRobot fails at {at}: {type(error).__name__}: {text[0] if text else 'no reason given'}"]
    return []

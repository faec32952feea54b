"""Whether a dataset's videos are what its info says, and show what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strands_robots.dataset import files
from strands_robots.dataset.check import EpisodeCheck
from strands_robots.dataset.motion_check import PictureRun
from strands_robots.dataset.table import EpisodeRow, Info, read_pictures
from strands_robots.dataset.video_file import TIME_TOLERANCE


@dataclass(frozen=True)
class Shown:
    """What an episode's pictures of one camera are.

    Attributes:
        mean: Mean of each channel (3,), 0 to 1.
        problem: That they stand still while the robot moves; empty otherwise.
        frozen: Frames for which they do.
    """

    mean: NDArray[np.float64]
    problem: str
    frozen: int


def video_problems(info: Info, rows: Sequence[EpisodeRow], check: EpisodeCheck) -> list[str]:
    """Return where videos have another size, rate or codec than the info says, or pictures at other times than their frames."""
    found = []
    for key in info.video_keys:
        feature = info.features[key]
        for path in sorted({row.videos[key].path for row in rows}):
            video = check.video(path)
            if isinstance(video, str):
                continue
            size = (video.height, video.width)
            if tuple(feature["shape"][:2]) != size and tuple(feature["shape"][1:]) != size:
                found.append(
                    f"{path} is {video.width}x{video.height}; {files.INFO} says {list(feature['shape'])} of {key}"
                )
            worst = video.worst_time(info.fps)
            if worst > TIME_TOLERANCE:
                found.append(f"{path} shows a picture {worst:.6f} s off its place at {info.fps} frames a second")
            found += [f"{path} {problem}" for problem in _declared_problems(feature.get("info") or {}, video)]
        found += _overlaps(key, rows)
    return found


def look_at(root: Path, info: Info, row: EpisodeRow, key: str, state: NDArray[np.float64]) -> Shown:
    """Decode an episode's pictures of one camera, and say whether they stand still while the robot moves.

    Args:
        root: Folder of the dataset.
        info: Its info.
        row: The episode.
        key: The camera's feature.
        state: Measured joints (N, D) of the episode.

    Raises:
        DatasetError: If the video cannot be read.
    """
    run = PictureRun()
    total, count = np.zeros(3), 0
    for picture in read_pictures(root, info, row, key):
        run.see(picture)
        total, count = total + picture.reshape(-1, 3).mean(axis=0), count + 1
    problem = run.problem(key, state)
    return Shown(total / max(count, 1) / 255.0, problem, run.length if problem else 0)


def is_fault(shown: Shown, account: Mapping[str, Any] | None, fps: int) -> bool:
    """Return whether pictures that stand still are a camera's fault for certain.

    The pictures of a real camera differ by their noise. A simulated one may look at something that does not move.
    """
    provenance = (account or {}).get("provenance") or {}
    return shown.frozen >= fps and "world" in provenance and provenance["world"] is None


def _declared_problems(declared: Mapping[str, Any], video: Any) -> list[str]:
    """Return where the encoder's settings, which LeRobot notes beside a feature, are not the video's; null says nothing."""
    there = {
        "video.height": video.height, "video.width": video.width, "video.fps": video.rate, "video.codec": video.codec
    }  # fmt: skip
    found = []
    for name, value in there.items():
        given = declared.get(name)
        if given is None or (name == "video.fps" and not value):
            continue
        same = str(given) == value if name == "video.codec" else abs(float(given) - value) < 0.01
        if not same:
            found.append(
                f"has {name.removeprefix('video.')} {value:g}" if not isinstance(value, str) else f"is {value}"
            )
            found[-1] += f"; {files.INFO} says {given}"
    return found


def _overlaps(key: str, rows: Sequence[EpisodeRow]) -> list[str]:
    """Return the episodes that share pictures with the one before them."""
    found = []
    ends: dict[Path, float] = {}
    for row in sorted(rows, key=lambda row: (row.videos[key].path, row.videos[key].start)):
        part = row.videos[key]
        if part.start < ends.get(part.path, 0.0) - TIME_TOLERANCE:
            found.append(
                f"episode {row.index}: its pictures of {key} begin at {part.start:g} s, within those of another episode"
            )
        ends[part.path] = max(part.end, ends.get(part.path, 0.0))
    return found

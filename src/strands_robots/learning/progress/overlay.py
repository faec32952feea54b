"""Videos of a dataset's episodes with their progress drawn over them. Reads the dataset and writes .mp4; needs no network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.dataset.table import read_episode, read_info, read_pictures
from strands_robots.evaluation.video_file import encode_video
from strands_robots.learning.progress.progress_file import ProgressRows

COLORS = ((255, 202, 40), (41, 182, 246), (239, 83, 80), (102, 187, 106))
_SMALLEST = 320  # [px]; a smaller picture is enlarged, so that the curve can be read


def write_overlay(root: Path, episode: int, curves: Mapping[str, ProgressRows], out: Path, camera: str = "") -> None:
    """Write a video of an episode with one curve for each account of its progress.

    Args:
        root: Folder of the dataset.
        episode: The episode.
        curves: Accounts of progress by what to call them, at most four.
        out: File, .mp4.
        camera: Feature of the camera, or the end of its name; empty takes the first one that shows colours.

    Raises:
        ConfigurationError: If the dataset has no camera, or there is nothing to draw.
        UnknownNameError: If it has no such camera.
        DatasetError: If it cannot be read.
    """
    info = read_info(root)
    keys = [key for key in info.video_keys if key not in info.depth_keys]
    chosen = [key for key in keys if not camera or key == camera or key.endswith(f".{camera}")]
    if not keys:
        raise ConfigurationError(f"{root} has no camera; valid: a dataset with pictures")
    if not chosen:
        raise UnknownNameError("camera", camera, keys)
    if not 1 <= len(curves) <= len(COLORS):
        raise ConfigurationError(f"{len(curves)} curves were given; valid: 1 to {len(COLORS)}")
    row = read_episode(root, info, episode)
    values = {name: _of_episode(rows, episode, row.length) for name, rows in curves.items()}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(encode_video(_frames(read_pictures(root, info, row, chosen[0]), values, row.length), info.fps))


def _of_episode(rows: ProgressRows, episode: int, length: int) -> NDArray[np.float64]:
    values = np.full(length, np.nan)
    here = (rows.episode == episode) & (rows.frame < length)
    values[rows.frame[here]] = rows.progress[here]
    return values


def _frames(
    pictures: Iterator[NDArray[np.uint8]], values: Mapping[str, NDArray[np.float64]], length: int
) -> Iterator[NDArray[np.uint8]]:
    for k, picture in enumerate(pictures):
        scale = max(1, -(-_SMALLEST // picture.shape[1]))
        image = Image.fromarray(picture.repeat(scale, axis=0).repeat(scale, axis=1))
        draw = ImageDraw.Draw(image, "RGBA")
        width, height = image.size
        top, bottom = int(0.72 * height), height - 8
        draw.rectangle((0, top - 22, width, height), fill=(0, 0, 0, 150))
        for number, (name, curve) in enumerate(values.items()):
            points = [
                (
                    8 + (width - 16) * j / max(length - 1, 1),
                    bottom - (bottom - top) * float(np.clip(curve[j], 0.0, 1.0)),
                )
                for j in range(k + 1)
                if np.isfinite(curve[j])
            ]
            if len(points) > 1:
                draw.line(points, fill=COLORS[number], width=2)
            present = f"{curve[k]:.2f}" if np.isfinite(curve[k]) else "-"
            draw.text((8 + number * (width - 16) // len(values), top - 18), f"{name} {present}", fill=COLORS[number])
        yield np.asarray(image.convert("RGB"))

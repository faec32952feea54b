"""Depth pictures of a dataset: distances along the optical axis [m], quantised by LeRobot and read back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from strands_robots.dataset.errors import DatasetError
from strands_robots.dataset.table import EpisodeRow, Info, library

UNKNOWN = 0.0
"""What stands for a distance that was not measured [m], as in the pictures of depth cameras."""


def finite_depth(depth: NDArray[np.floating], far: float) -> NDArray[np.float32]:
    """Return depth (H, W) [m] as (H, W, 1) with finite numbers only, because a video has no others.

    Args:
        depth: NaN where it is not known, +inf beyond the sensor's range, -inf nearer than it (REP 117).
        far: The farthest distance that the video can say [m].
    """
    values = np.asarray(depth, dtype=np.float32)
    values = values.reshape(*values.shape[:2], 1)
    return np.nan_to_num(values, nan=UNKNOWN, posinf=far, neginf=UNKNOWN)


def read_depths(root: Path, info: Info, row: EpisodeRow, key: str) -> Iterator[NDArray[np.float32]]:
    """Give the depth (H, W) [m] of each frame of an episode, dequantised by LeRobot's own functions.

    Raises:
        DatasetError: If the video cannot be read.
        ConfigurationError: If LeRobot is not installed.
    """
    utils, video = library("lerobot.datasets.depth_utils"), library("lerobot.configs.video")
    reader = library("lerobot.datasets.video_utils")
    config = video.encoder_config_from_video_info(info.features[key].get("info"))
    part = row.videos[key]
    for number in range(row.length):
        try:
            codes = reader.decode_video_frames(
                root / part.path, [part.start + number / info.fps], 0.5 / info.fps, "pyav", is_depth=True
            )
        except Exception as error:
            raise DatasetError(f"{root / part.path} is no readable depth video: {error}") from error
        depth = utils.dequantize_depth(
            codes, depth_min=config.depth_min, depth_max=config.depth_max, shift=config.shift, use_log=config.use_log,
            pix_fmt=config.pix_fmt, output_unit="m", output_tensor=False,
        )  # fmt: skip
        yield np.asarray(depth, dtype=np.float32).reshape(info.features[key]["shape"][:2])

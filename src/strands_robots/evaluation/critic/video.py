"""Videos as a critic is shown them: MP4, from a file, a GIF of an evaluation, or a camera of a dataset's episode."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.errors import ConfigurationError
from strands_robots.evaluation.video_file import encode_video

LARGEST = 32 * 1024 * 1024
"""Largest video that is sent [bytes]."""

Frame = NDArray[np.uint8]


def read_video(path: Path) -> bytes:
    """Return a video file as MP4.

    Args:
        path: An .mp4 file, or a .gif, which is converted.

    Raises:
        ConfigurationError: If it is not there, too large, or of another kind.
    """
    if not path.is_file():
        raise ConfigurationError(f"video '{path}' does not exist")
    if path.suffix.lower() == ".gif":
        frames, rate = _gif(path)
        return _bounded(encode_video(frames, rate))
    if path.suffix.lower() != ".mp4":
        raise ConfigurationError(f"video '{path}' is no .mp4 or .gif")
    if path.stat().st_size > LARGEST:
        raise ConfigurationError(f"video '{path}' has {path.stat().st_size} bytes; valid: up to {LARGEST}")
    return path.read_bytes()


def episode_video(root: Path, episode: int, camera: str, rate: float) -> bytes:
    """Return one camera of a dataset's episode as MP4, with about `rate` pictures a second.

    Raises:
        ConfigurationError: If there is no such episode or camera; the message lists the cameras.
        DatasetError: If it cannot be read.
    """
    from strands_robots.dataset.table import read_episode, read_info, read_pictures

    info = read_info(root)
    row = read_episode(root, info, episode)
    keys = info.video_keys
    chosen = [key for key in keys if not camera or key in (camera, f"observation.images.{camera}")]
    if len(chosen) != 1:
        raise ConfigurationError(f"camera is '{camera}'; valid: one of {', '.join(keys) or 'none'}")
    step = max(round(info.fps / rate), 1)
    pictures = read_pictures(root, info, row, chosen[0])
    return _bounded(encode_video((frame for i, frame in enumerate(pictures) if i % step == 0), info.fps / step))


def _bounded(content: bytes) -> bytes:
    if len(content) > LARGEST:
        raise ConfigurationError(f"the video has {len(content)} bytes; valid: up to {LARGEST}")
    return content


def _gif(path: Path) -> tuple[list[Frame], float]:
    from PIL import Image, ImageSequence, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            duration = float(image.info.get("duration", 100)) or 100.0
            frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)]
    except (OSError, UnidentifiedImageError) as error:
        raise ConfigurationError(f"video '{path}' cannot be read: {error}") from error
    return frames, 1e3 / duration

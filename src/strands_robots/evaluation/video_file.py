"""Videos of episodes as files: MP4 where PyAV is installed, else GIF, which has few colours. No ROS."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.errors import ConfigurationError

Frame = NDArray[np.uint8]


def video_suffix() -> str:
    """Return the suffix of the videos that can be written here: .mp4, or .gif without PyAV."""
    return ".mp4" if importlib.util.find_spec("av") is not None else ".gif"


def save_video(path: Path, frames: list[Frame], rate: float) -> str:
    """Write pictures (H, W, 3) RGB as a video by its file's suffix, and return its path.

    Raises:
        ConfigurationError: If there are none, or it is an .mp4 and PyAV is not installed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".mp4":
        path.write_bytes(encode_video(frames, rate))
        return str(path)
    from PIL import Image

    if not frames:
        raise ConfigurationError("the video has no pictures")
    first, *others = (Image.fromarray(frame).quantize(256) for frame in frames)
    first.save(path, save_all=True, append_images=others, duration=round(1e3 / rate), loop=0)
    return str(path)


def encode_video(frames: Iterable[Frame], rate: float) -> bytes:
    """Return pictures (H, W, 3) RGB as an MP4 file with H.264.

    Raises:
        ConfigurationError: If there are none, or PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise ConfigurationError(f"videos need PyAV, which is not installed ({error}): make setup-learning") from error

    stream_of_bytes = io.BytesIO()
    stream = None
    with av.open(stream_of_bytes, "w", format="mp4") as container:
        for frame in frames:
            frame = frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2]
            if stream is None:
                stream = container.add_stream("libx264", rate=round(max(rate, 1.0)))
                stream.height, stream.width, stream.pix_fmt = frame.shape[0], frame.shape[1], "yuv420p"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        if stream is None:
            raise ConfigurationError("the video has no pictures")
        container.mux(stream.encode())
    return stream_of_bytes.getvalue()

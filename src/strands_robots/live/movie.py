"""Pictures into an MP4 file, each at the time when it was taken."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable

_TICKS = 1000
"""Time base of the file: milliseconds."""


class Movie:
    """An MP4 file with H.264 in it, which every browser plays. Used as a context manager.

    Args:
        path: File to write.
        width, height: Size of the pictures [px]; odd ones lose a row or column, which the codec wants.

    Raises:
        ConfigurationError: If PyAV is not installed or the file cannot be made.
    """

    def __init__(self, path: Path, width: int, height: int) -> None:
        try:
            import av
        except ImportError as error:
            raise ConfigurationError(f"an MP4 file needs the Python package av ({error}); pip install av") from error
        self._av = av
        self._size = (height // 2 * 2, width // 2 * 2)
        self._first: float | None = None
        self._last = -1
        self.frames = 0
        try:
            self._container = av.open(str(path), "w", format="mp4")
        except OSError as error:
            raise ConfigurationError(f"file '{printable(str(path))}' cannot be written: {error.strerror}") from error
        stream: Any = self._container.add_stream("libx264", rate=_TICKS)
        stream.height, stream.width = self._size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, _TICKS)
        stream.options = {"preset": "veryfast", "crf": "20"}
        self._stream = stream

    def __enter__(self) -> Movie:
        return self

    def __exit__(self, *error: object) -> None:
        for packet in self._stream.encode():
            self._container.mux(packet)
        self._container.close()

    def add(self, rgb: NDArray[np.uint8], stamp: float) -> None:
        """Add a picture; one that is not newer than the last is left out.

        Args:
            rgb: uint8 (H, W, 3).
            stamp: When it was taken [s].
        """
        self._first = stamp if self._first is None else self._first
        tick = round((stamp - self._first) * _TICKS)
        if tick <= self._last:
            return
        height, width = self._size
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb[:height, :width]), format="rgb24")
        frame.pts, frame.time_base = tick, Fraction(1, _TICKS)
        self._last = tick
        self.frames += 1
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

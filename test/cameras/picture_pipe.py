"""A camera without hardware: JPEG pictures through a named pipe, which OpenCV opens as it opens any video.

OpenCV's FFmpeg backend waits for each picture as a real camera's driver does, and fails when the writer ends, as for a pulled cable.
"""

from __future__ import annotations

import contextlib
import io
import os
import threading
from pathlib import Path

import numpy as np
from PIL import Image

ENVIRONMENT = {"OPENCV_FFMPEG_CAPTURE_OPTIONS": "probesize;32|analyzeduration;0"}
"""Lets OpenCV open the pipe at its first picture, not after seconds of them."""


class PicturePipe:
    """Writes pictures with a white bar that wanders; `unplug` ends them, `plug` goes on.

    Args:
        path: The pipe, which must end in .mjpeg.
        rate: Pictures a second [Hz].
    """

    def __init__(self, path: Path, width: int = 640, height: int = 480, rate: float = 30.0) -> None:
        self.path, self._size, self._rate = path, (width, height), rate
        os.mkfifo(path)
        self._over = threading.Event()
        self.plug()

    def plug(self) -> None:
        self._over.clear()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            # A reader of our own, for a writer that waits for one.
            os.close(os.open(self.path, os.O_RDONLY | os.O_NONBLOCK))
        self._thread.join(5.0)

    def _write(self) -> None:
        pictures = [self._picture(k) for k in range(20)]
        k = 0
        while not self._over.is_set():
            with contextlib.suppress(BrokenPipeError), self.path.open("wb", buffering=0) as pipe:
                while not self._over.wait(1.0 / self._rate):
                    pipe.write(pictures[k % len(pictures)])
                    k += 1

    def _picture(self, k: int) -> bytes:
        width, height = self._size
        pixels = np.full((height, width, 3), (200, 40, 40), np.uint8)
        pixels[:, 30 * k : 30 * k + 30] = 255
        data = io.BytesIO()
        Image.fromarray(pixels).save(data, "JPEG", quality=85)
        return data.getvalue()

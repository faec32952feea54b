"""The thread of one camera: connects, passes pictures on, and connects again when the camera went away. ROS-free."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from strands_robots.cameras.source import CameraError, Open, Source
from strands_robots.core.errors import ConfigurationError
from strands_robots.description.camera_config import RealCamera

Deliver = Callable[[float, NDArray[np.uint8], NDArray[np.float32] | None], None]
"""Takes a picture with the time at which it came [s, ROS time] and its depth."""

SILENCE = 1.0
"""A camera that gives no picture for so long is taken for gone [s]."""

RETRY = 2.0
"""Time between two attempts to connect [s]."""

WINDOW = 2.0
"""Time over which the rate is counted [s]."""


class CameraStream:
    """One camera.

    Args:
        name: Its name.
        camera: What it is.
        open_source: Connects it.
        deliver: Takes its pictures, in the thread of the stream.
        tell: Takes what a person should know: (text, whether it is a problem).

    Attributes:
        problem: Why there are no pictures; empty while there are.
        frames, connections: Pictures passed on, and times it was connected.
        size: Width and height of the last picture [px].
    """

    def __init__(
        self, name: str, camera: RealCamera, open_source: Open, deliver: Deliver, tell: Callable[[str, bool], None]
    ) -> None:
        self.name, self.camera = name, camera
        self.problem = "not connected yet"
        self.frames = self.connections = 0
        self.size = (0, 0)
        self._open, self._deliver, self._tell = open_source, deliver, tell
        self._times: deque[float] = deque(maxlen=1000)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"camera {name}", daemon=True)

    @property
    def rate(self) -> float:
        """Pictures a second over the last window [Hz]."""
        since = time.monotonic() - WINDOW
        return sum(moment >= since for moment in list(self._times)) / WINDOW

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def end(self) -> None:
        """Ask the thread to end; nothing is passed on any more."""
        self._over.set()

    def join(self, timeout: float = 0.5) -> None:
        """Wait for the thread [s]; one that a camera's driver keeps is left to the end of the process."""
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                source = self._open(self.camera)
            except (CameraError, ConfigurationError) as error:
                self._complain(str(error))
                self._over.wait(RETRY)
                continue
            self.connections += 1
            try:
                self._pass_on(source)
            except CameraError as error:
                self._complain(f"lost: {error}")
            try:
                source.close()
            except CameraError as error:
                self._tell(f"camera '{self.name}' was not closed well: {error}", True)

    def _pass_on(self, source: Source) -> None:
        while not self._over.is_set():
            pixels = source.read(SILENCE)
            now = time.time()
            depth = source.read_depth(SILENCE)
            if self._over.is_set():
                return
            self.size = (pixels.shape[1], pixels.shape[0])
            if self.problem:
                self._tell(f"camera '{self.name}' gives pictures of {self.size[0]} x {self.size[1]}", False)
                self.problem = ""
            self._deliver(now, pixels, depth)
            self.frames += 1
            self._times.append(time.monotonic())

    def _complain(self, problem: str) -> None:
        if problem != self.problem:
            self._tell(f"camera '{self.name}' {problem}; tried again every {RETRY:g} s", True)
        self.problem = problem

"""What the camera thread is given: cameras with their rates, where their pictures go, and how many were published."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.arrays import FloatArray


class CameraModel(Protocol):
    """One camera of the world."""

    @property
    def name(self) -> str:
        """Name in the world."""

    @property
    def rate(self) -> float:
        """Pictures per simulated second [Hz]."""


class Renderer(Protocol):
    """Draws a state; belongs to the thread that made it."""

    def render(
        self, state: FloatArray, camera: str, kind: int, width: int = 0, height: int = 0, *, stage: Any = None
    ) -> NDArray[Any]:
        """Return uint8 (H, W, 3), or float32 (H, W) [m] for depth. The array may be reused by the next call."""

    def close(self) -> None:
        """Free the graphics context."""


class CameraPort(Protocol):
    """Where one camera's pictures go. Called by the camera thread, unless something else is said."""

    def wants_rgb(self) -> bool:
        """Return whether the camera has a viewer."""

    def wants_depth(self) -> bool:
        """Return whether depth has a viewer."""

    def has_subscriber(self) -> bool:
        """Return whether anything of the camera is read; asked by the physics thread."""

    def publish_info(self, stamp: float) -> None:
        """Take the time [s, ROS time] of a frame."""

    def publish_rgb(self, stamp: float, pixels: NDArray[np.uint8]) -> None:
        """Take uint8 (H, W, 3)."""

    def publish_depth(self, stamp: float, pixels: NDArray[np.float32]) -> None:
        """Take float32 (H, W) [m]."""


@dataclass(eq=False)
class CameraFeed:
    """One camera on the graph.

    Attributes:
        camera: The camera.
        port: Where its pictures go.
        due: When its next frame is due [s, ROS time].
        taken: When its last frame was taken [s, ROS time].
        delay: How much later a picture is published than it was taken [s, ROS time].
        disturb: Takes a picture (H, W, 3) and its time, and returns it with noise; None leaves it as it is.
    """

    camera: CameraModel
    port: CameraPort
    due: float = 0.0
    delay: float = 0.0
    disturb: Callable[[NDArray[np.uint8], float], NDArray[np.uint8]] | None = None
    taken: float = -math.inf

    def is_due(self, stamp: float, control_period: float) -> bool:
        """Return whether a frame is due at `stamp` [s]; with a control period, at the last whole period within the rate's."""
        if control_period <= 0.0:
            return stamp >= self.due - 1e-9
        periods = max(math.floor(1.0 / (self.camera.rate * control_period) + 1e-6), 1)
        return not self.taken <= stamp < self.taken + periods * control_period - 1e-9


@dataclass
class CameraTally:
    """What became of one camera's pictures.

    Attributes:
        wanted_rate: Pictures that it should make per simulated second [Hz].
        drawn: States that were drawn and published.
        lost: States that were replaced before they were drawn.
        seconds: Time that drawing and publishing took [s, steady time].
        is_watched: Whether there was a viewer when the last state was due.
    """

    wanted_rate: float
    drawn: int = 0
    lost: int = 0
    seconds: float = 0.0
    is_watched: bool = False

"""One camera through LeRobot's class for it, and which cameras this machine has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.errors import ConfigurationError, StrandsRobotsError
from strands_robots.core.text import printable
from strands_robots.description.camera_config import RealCamera

MILLIMETRE = 0.001
"""Unit of a RealSense's depth [m]."""

# What LeRobot's cameras, OpenCV and librealsense raise when a camera is missing, refuses a setting, or is gone.
_CAMERA_ERRORS = (OSError, RuntimeError, ValueError)


class CameraError(StrandsRobotsError):
    """A camera cannot be reached or used; the message says what was found and what is valid."""


class Source(Protocol):
    """A connected camera."""

    def read(self, timeout: float) -> NDArray[np.uint8]:
        """Return the next picture, RGB (H, W, 3).

        Raises:
            CameraError: If none comes within `timeout` [s], or the camera is gone.
        """

    def read_depth(self, timeout: float) -> NDArray[np.float32] | None:
        """Return the depth (H, W) [m] of the picture read last, NaN where it is not known; None for a camera without.

        Raises:
            CameraError: If it is older than `timeout` [s], or the camera is gone.
        """

    def close(self) -> None:
        """Let the camera go."""


Open = Callable[[RealCamera], Source]
"""Connects a camera."""


class LeRobotSource:
    """A camera that a class of LeRobot reads, in a thread of its own.

    Args:
        camera: What it is.

    Raises:
        CameraError: If it is not there or refuses its settings; the message names those that are there.
        ConfigurationError: If LeRobot or what it needs for this camera is not installed.
    """

    def __init__(self, camera: RealCamera) -> None:
        self._has_depth = camera.depth
        try:
            made = _make(camera)
        except ImportError as error:
            extra = "intelrealsense" if camera.type == "realsense" else "all"
            raise ConfigurationError(
                f"a {camera.type} camera needs {error.name or error}; install it with: pip install 'lerobot[{extra}]'"
            ) from error
        try:
            made.connect()
        except _CAMERA_ERRORS as error:
            raise CameraError(
                f"{camera.type} camera '{camera.source}' cannot be used: {_one_line(error)}; found: {describe_found(camera.type)}"
            ) from error
        self._camera: Any = made

    def read(self, timeout: float) -> NDArray[np.uint8]:
        """See `Source`."""
        try:
            pixels: NDArray[np.uint8] = self._camera.async_read(timeout_ms=1e3 * timeout)
        except _CAMERA_ERRORS as error:
            raise CameraError(_one_line(error)) from error
        return pixels

    def read_depth(self, timeout: float) -> NDArray[np.float32] | None:
        """See `Source`."""
        if not self._has_depth:
            return None
        try:
            # Not async_read_depth: it waits for the picture after the one that was just read.
            raw = self._camera.read_latest_depth(max_age_ms=round(1e3 * timeout))
        except _CAMERA_ERRORS as error:
            raise CameraError(_one_line(error)) from error
        depth: NDArray[np.float32] = raw.reshape(raw.shape[:2]).astype(np.float32) * np.float32(MILLIMETRE)
        depth[depth == 0.0] = np.nan
        return depth

    def close(self) -> None:
        """See `Source`."""
        try:
            self._camera.disconnect()
        except _CAMERA_ERRORS as error:
            raise CameraError(_one_line(error)) from error


def describe_found(kind: str) -> str:
    """Return the cameras of this machine in words; none is opened, because it may be in use."""
    if kind == "realsense":
        return _realsenses()
    found = []
    for device in sorted(Path("/dev").glob("video*")):
        name = Path("/sys/class/video4linux") / device.name / "name"
        shown = name.read_text(encoding="utf-8", errors="replace").strip() if name.is_file() else ""
        found.append(f"{device} ({printable(shown)})" if shown else str(device))
    return ", ".join(found) or "none (no /dev/video*)"


def _realsenses() -> str:
    try:
        from lerobot.cameras.realsense import RealSenseCamera

        found = RealSenseCamera.find_cameras()
    except (ImportError, *_CAMERA_ERRORS) as error:
        return f"unknown ({_one_line(error)})"
    return ", ".join(f"{camera.get('id')} ({camera.get('name')})" for camera in found) or "none"


def _make(camera: RealCamera) -> Any:
    from lerobot.cameras.configs import ColorMode, Cv2Rotation

    size: dict[str, Any] = {
        "fps": camera.rate or None,
        "width": camera.width or None,
        "height": camera.height or None,
        "color_mode": ColorMode.RGB,
        "rotation": Cv2Rotation({0: 0, 90: 90, 180: 180, 270: -90}[camera.rotation]),
    }
    if camera.type == "realsense":
        from lerobot.cameras.realsense import RealSenseCamera, RealSenseCameraConfig

        return RealSenseCamera(
            RealSenseCameraConfig(serial_number_or_name=camera.source, use_depth=camera.depth, **size)
        )
    from lerobot.cameras.opencv import OpenCVCamera, OpenCVCameraConfig

    source = int(camera.source) if camera.source.isdigit() else Path(camera.source)
    return OpenCVCamera(OpenCVCameraConfig(index_or_path=source, fourcc=camera.fourcc or None, **size))


def _one_line(error: BaseException) -> str:
    text = "; ".join(line.strip() for line in str(error).splitlines() if line.strip()) or type(error).__name__
    return text if text.isascii() else printable(text)

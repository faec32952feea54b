"""What a model file says of its cameras."""

from __future__ import annotations

import mujoco

from strands_robots.core.errors import ModelError
from strands_robots.description.robot_config import CameraConfig

SMALLEST_SIDE, LARGEST_SIDE = 16, 4096  # [px], as CameraConfig allows


def is_fixed(model: mujoco.MjModel, number: int) -> bool:
    """Return whether a camera is fixed to a body; one that turns to something has no frame, and can be drawn on request only."""
    return int(model.cam_mode[number]) == int(mujoco.mjtCamLight.mjCAMLIGHT_FIXED)


def file_camera(model: mujoco.MjModel, number: int, otherwise: CameraConfig | None = None) -> CameraConfig:
    """Return the options of a camera: the resolution of its file, where that states one.

    Raises:
        ModelError: If the resolution is not possible.
    """
    config = otherwise or CameraConfig()
    width, height = (int(value) for value in model.cam_resolution[number])
    if (width, height) == (1, 1):
        return config
    if not all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in (width, height)):
        raise ModelError(
            f"camera '{model.camera(number).name}' has resolution {width} x {height}; valid: {SMALLEST_SIDE} to {LARGEST_SIDE} each way"
        )
    return config.model_copy(update={"width": width, "height": height})

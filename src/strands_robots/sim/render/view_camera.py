"""MuJoCo's cameras for drawing: where a camera of the world is, and how a free one is aimed."""

from __future__ import annotations

import math

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.sim.render.cameras import Camera
from strands_robots.sim.render.views import FreeView

# MuJoCo's camera axes (x right, y up, z back) in the optical frame.
_FLIP = np.array([1.0, -1.0, -1.0])


def place(data: mujoco.MjData, view: Camera | FreeView) -> tuple[FloatArray, FloatArray]:
    """Return origin (3,) [m] and rotation (3, 3) of an optical frame in the world frame."""
    if isinstance(view, FreeView):
        return np.array(view.position), view.rotation()
    return data.cam_xpos[view.number].copy(), data.cam_xmat[view.number].reshape(3, 3) * _FLIP


def aim_camera(camera: mujoco.MjvCamera, view: FreeView) -> None:
    """Aim MuJoCo's free camera, which has no roll and no field of view; its light goes with it. Next: `aim_scene`."""
    forward = view.rotation()[:, 2]
    camera.type = mujoco.mjtCamera.mjCAMERA_FREE
    camera.distance = 1.0
    camera.lookat[:] = np.array(view.position) + forward
    camera.azimuth = math.degrees(math.atan2(forward[1], forward[0]))
    camera.elevation = math.degrees(math.asin(min(1.0, max(-1.0, forward[2]))))


def aim_scene(scene: mujoco.MjvScene, view: FreeView) -> None:
    """Give what is to be drawn the exact pose and field of view."""
    rotation = view.rotation()
    for camera in scene.camera:
        camera.pos[:], camera.forward[:], camera.up[:] = view.position, rotation[:, 2], -rotation[:, 1]
        half = camera.frustum_near * math.tan(0.5 * view.fovy)
        camera.frustum_center, camera.frustum_width = 0.0, 0.0
        camera.frustum_bottom, camera.frustum_top = -half, half

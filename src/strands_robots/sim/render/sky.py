"""Is the sky in a picture? Drawing it in software takes a tenth of a frame, also where the floor hides all of it."""

from __future__ import annotations

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray

_NEAR_ENOUGH = 0.4
"""An endless floor is drawn up to the far plane, and haze begins before it; closer than this part of its distance there is neither."""

SHOWN_GROUPS = 3
"""Shapes of this group and above are not drawn; the first groups of MjvOption."""


class Floors:
    """The endless opaque floors of a model, which hide the sky from cameras that look down on them.

    Args:
        model: The model that is drawn.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        is_plane = (model.geom_type == int(mujoco.mjtGeom.mjGEOM_PLANE)) & (model.geom_bodyid == 0)
        is_endless = is_plane & (model.geom_size[:, :2] == 0.0).all(axis=1) & (model.geom_group < SHOWN_GROUPS)
        self._numbers = [int(number) for number in np.flatnonzero(is_endless) if _is_opaque(model, int(number))]
        extent, haze = float(model.stat.extent), float(model.vis.map.haze)
        self._reach = min(_NEAR_ENOUGH, 1.0 - haze) * float(model.vis.map.zfar) * extent

    def hide_sky(self, data: mujoco.MjData, scene: mujoco.MjvScene, aspect: float) -> bool:
        """Return whether every ray of the picture ends on a floor; False where that is not sure.

        Args:
            data: Where the floors are.
            scene: As `mjv_updateScene` left it, with the camera that draws.
            aspect: Width over height of the picture.
        """
        corners = _corners(scene, aspect)
        origin = np.asarray(scene.camera[0].pos, dtype=np.float64)
        return any(self._is_hit(data, number, origin, corners) for number in self._numbers)

    def _is_hit(self, data: mujoco.MjData, number: int, origin: FloatArray, corners: FloatArray) -> bool:
        normal = data.geom_xmat[number].reshape(3, 3)[:, 2]
        height = float(normal @ (origin - data.geom_xpos[number]))
        # What holds for the four corners holds for every ray between them: it meets the floor, behind the near plane and near enough.
        fall = -(corners @ normal)
        length = np.linalg.norm(corners, axis=1)
        return bool(((fall > 0.0) & (height > fall) & (height * length < fall * self._reach)).all())


def _corners(scene: mujoco.MjvScene, aspect: float) -> FloatArray:
    """Return the rays of the picture's corners from the camera to the near plane (4, 3) [m]."""
    camera = scene.camera[0]
    forward, up = np.asarray(camera.forward, dtype=np.float64), np.asarray(camera.up, dtype=np.float64)
    right = np.cross(forward, up)
    bottom, top = float(camera.frustum_bottom), float(camera.frustum_top)
    half = float(camera.frustum_width) or 0.5 * aspect * (top - bottom)
    across = (float(camera.frustum_center) - half, float(camera.frustum_center) + half)
    return np.array([camera.frustum_near * forward + x * right + y * up for x in across for y in (bottom, top)])


def _is_opaque(model: mujoco.MjModel, number: int) -> bool:
    material = int(model.geom_matid[number])
    if material < 0:
        return float(model.geom_rgba[number, 3]) == 1.0
    # A floor that mirrors may show the sky.
    return float(model.mat_rgba[material, 3]) == 1.0 and float(model.mat_reflectance[material]) == 0.0

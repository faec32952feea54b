"""What rays hit: from any point, through pixels of a camera, and straight down onto what cannot move."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ShapeError, WorldError
from strands_robots.sim.render.cameras import Camera
from strands_robots.sim.world.inspection import Still
from strands_robots.sim.world.model_names import BODY, name_of

GROUND_START = 100.0
"""Height from which the ground is looked for [m]."""

_STEP = 1e-6  # how far behind a surface a ray goes on [m]
_MAX_LAYERS = 64


@dataclass(frozen=True)
class RayHits:
    """What N rays hit.

    Attributes:
        distances: (N,) [m]; -1 where nothing is hit.
        points: World frame (N, 3) [m]; NaN where nothing is hit.
        bodies: Names of the bodies hit, N; empty where nothing is hit.
    """

    distances: FloatArray
    points: FloatArray
    bodies: list[str]


def cast_rays(
    still: Still, origins: FloatArray, directions: FloatArray, exclude_body: int = -1, max_distance: float = 0.0
) -> RayHits:
    """Cast rays against every shape of the world, drawn ones included.

    Args:
        still: The still.
        origins: World frame (N, 3) or (1, 3) [m].
        directions: World axes (N, 3), any length but zero.
        exclude_body: Number of a body that rays pass through; -1 for none.
        max_distance: [m]; 0 for no limit.

    Raises:
        ShapeError: If the shapes do not fit.
        WorldError: If a value is not finite or a direction is zero.
    """
    _check(origins, directions, max_distance)
    lengths = np.linalg.norm(directions, axis=1)
    if not (lengths > 1e-12).all():
        raise WorldError(f"direction {int(np.argmin(lengths))} has length zero; valid: any other")
    units = np.ascontiguousarray(directions / lengths[:, None])
    count = len(units)
    geoms, distances = np.full(count, -1, dtype=np.int32), np.full(count, -1.0)
    limit = max_distance or mujoco.mjMAXVAL
    if len(origins) == 1:
        mujoco.mj_multiRay(
            still.model,
            still.data,
            origins[0],
            units.ravel(),
            None,
            True,
            exclude_body,
            geoms,
            distances,
            None,
            count,
            limit,
        )
    else:
        for i, (origin, unit) in enumerate(zip(origins, units)):
            distances[i] = mujoco.mj_ray(
                still.model, still.data, origin, unit, None, True, exclude_body, geoms[i : i + 1]
            )
    missed = (geoms < 0) | (distances > limit)
    distances[missed] = -1.0
    points = origins + distances[:, None] * units
    points[missed] = np.nan
    names = _body_names(still, geoms)
    return RayHits(distances, points, ["" if miss else name for miss, name in zip(missed, names)])


def pixel_rays(
    still: Still, camera: Camera, pixels: FloatArray, width: int = 0, height: int = 0
) -> tuple[FloatArray, FloatArray]:
    """Return origin (1, 3) [m] and directions (N, 3) in the world frame of the rays through pixels.

    Args:
        still: The still.
        camera: The camera.
        pixels: (N, 2), u to the right and v down; whole numbers are centres of pixels.
        width, height: Size of the picture [px]; 0 takes the camera's own.
    """
    size = camera.intrinsics(width, height)
    x = (pixels[:, 0] - size.cx) / size.fx
    y = (pixels[:, 1] - size.cy) / size.fy
    # MuJoCo's camera looks along -z with y up.
    local = np.stack([x, -y, -np.ones(len(pixels))], axis=1)
    axes = still.data.cam_xmat[camera.number].reshape(3, 3)
    return still.data.cam_xpos[camera.number][None].copy(), local @ axes.T


def ground_height(still: Still, points: FloatArray) -> tuple[FloatArray, list[str]]:
    """Return the height [m] of the highest surface that cannot move, and its body's name, below each point.

    Args:
        still: The still.
        points: x, y in the world frame (N, 2) [m].

    Returns:
        Heights (N,), NaN where there is no ground, and names, N, "" where there is none.
    """
    if not np.isfinite(points).all():
        raise WorldError("points hold values that are not finite")
    model = still.model
    heights, names = np.full(len(points), np.nan), [""] * len(points)
    geom, down = np.zeros(1, dtype=np.int32), np.array([0.0, 0.0, -1.0])
    for i, (x, y) in enumerate(points):
        origin = np.array([x, y, GROUND_START])
        for _ in range(_MAX_LAYERS):
            distance = mujoco.mj_ray(model, still.data, origin, down, None, True, -1, geom)
            if geom[0] < 0:
                break
            body = int(model.geom_bodyid[geom[0]])
            origin[2] -= distance
            if int(model.body_weldid[body]) == 0 and (model.geom_contype[geom[0]] or model.geom_conaffinity[geom[0]]):
                heights[i], names[i] = origin[2], name_of(model, BODY, body)
                break
            origin[2] -= _STEP
    return heights, names


def _check(origins: FloatArray, directions: FloatArray, max_distance: float) -> None:
    if origins.ndim != 2 or origins.shape[1] != 3 or directions.ndim != 2 or directions.shape[1] != 3:
        raise ShapeError(f"origins {origins.shape} and directions {directions.shape}; valid: (N, 3) both")
    if len(origins) not in (1, len(directions)):
        raise ShapeError(f"{len(origins)} origins for {len(directions)} directions; valid: one, or one for each")
    if not (np.isfinite(origins).all() and np.isfinite(directions).all()):
        raise WorldError("origins or directions hold values that are not finite")
    if not 0.0 <= max_distance < float("inf"):
        raise WorldError(f"max_distance is {max_distance}; valid: 0 for no limit, or a positive distance")


def _body_names(still: Still, geoms: np.ndarray[tuple[int, ...], np.dtype[np.int32]]) -> list[str]:
    owners = still.model.geom_bodyid
    return [name_of(still.model, BODY, int(owners[geom])) if geom >= 0 else "" for geom in geoms]

"""Pictures whose pixels say which shape is seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from strands_robots.sim.world.model_names import BODY, GEOM, name_of

NOTHING = 0
"""Value of pixels that show no shape: the sky, and sites."""

_GEOM = int(mujoco.mjtObj.mjOBJ_GEOM)


@dataclass(frozen=True)
class SegmentLabel:
    """What one value stands for.

    Attributes:
        value: The value: number of the shape in the model, plus one.
        geom, body: Names of the shape and its body; "#<number>" without one.
        entity: Outermost body above it: the object's name, the robot's name, or "world".
    """

    value: int
    geom: str
    body: str
    entity: str


def values_by_segment(scene: mujoco.MjvScene) -> NDArray[np.uint16]:
    """Return what each colour of a segmentation drawn by MuJoCo stands for (N,), 0 being the background."""
    values = np.zeros(scene.ngeom + 1, np.uint16)
    for geom in scene.geoms[: scene.ngeom]:
        if geom.segid >= 0 and geom.objtype == _GEOM:
            values[geom.segid + 1] = geom.objid + 1
    return values


def values_of_pixels(rows: NDArray[np.uint8], values: NDArray[np.uint16], out: NDArray[np.uint16]) -> None:
    """Turn colours (H, W, 3) as MuJoCo draws them into values (H, W)."""
    red, green, blue = (rows[..., i].astype(np.int64) for i in range(3))
    segments = red + 256 * green + 65536 * blue
    np.take(values, segments, out=out, mode="clip")


def labels_of(model: mujoco.MjModel, robots: Any, pictures: list[NDArray[np.uint16]]) -> list[SegmentLabel]:
    """Return what the values in some pictures stand for, by value.

    Args:
        model: The model that was drawn.
        robots: Names of the robots.
        pictures: Segmentations.
    """
    seen = sorted({int(value) for picture in pictures for value in np.unique(picture)} - {NOTHING})
    return [_label(model, robots, value) for value in seen]


def entity_of(model: mujoco.MjModel, robots: Any, body: int) -> str:
    """Return the robot or object that a body belongs to, or "world"."""
    name = name_of(model, BODY, int(model.body_rootid[body]))
    robot = name.partition("/")[0]
    return robot if "/" in name and robot in robots else name


def _label(model: mujoco.MjModel, robots: Any, value: int) -> SegmentLabel:
    body = int(model.geom_bodyid[value - 1])
    return SegmentLabel(
        value, name_of(model, GEOM, value - 1), name_of(model, BODY, body), entity_of(model, robots, body)
    )

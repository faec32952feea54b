"""From which distance on MuJoCo tells of shapes that come near each other. No I/O."""

from __future__ import annotations

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray


def set_margins(model: mujoco.MjModel, margins: FloatArray | float) -> None:
    """Let a compiled model report contacts from some distances on.

    The bodies' margins are set with those of their shapes: MuJoCo compares bounding boxes of bodies first, and with the compiled
    margin of 0 it leaves out pairs whose boxes do not overlap, however near they are.

    Args:
        model: The compiled model; it is changed.
        margins: Distance of each shape (G,), or one for all of them [m].

    Source: MuJoCo, engine_collision_driver.c, body_margin.
    """
    model.geom_margin[:] = margins
    model.body_margin[:] = 0.0
    np.maximum.at(model.body_margin, model.geom_bodyid, model.geom_margin)

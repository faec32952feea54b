"""What a state of the world belongs to, so that a picture of it can be drawn later, whatever the world has become by then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import mujoco

from strands_robots.sim.render.cameras import Camera


@dataclass(frozen=True, eq=False)
class RenderSource:
    """The compiled world at one time.

    Attributes:
        model: The model; never changed once it is here.
        layout: Models of the same layout differ in numbers only: colours, lights, masses, poses.
        cameras: Its cameras by name.
    """

    model: mujoco.MjModel
    layout: int
    cameras: Mapping[str, Camera]

"""How large a body of the world is, for policies that pick and place. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

from strands_robots.core.arrays import FloatArray


@dataclass(frozen=True)
class BodyBox:
    """The box around a body.

    Attributes:
        centre: Its middle (3,) in the robot's base frame [m].
        size: Full size (3,) along the world's axes, z up [m].
        own_size: Full size (3,) along the body's own axes [m].
    """

    centre: FloatArray
    size: FloatArray
    own_size: FloatArray

"""The arc of a circle through three points. No I/O."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError

_COLLINEAR = 1e-6  # of the product of two sides
_SHORTEST = 1e-4  # [m]


@dataclass(frozen=True, eq=False)
class Arc:
    """From a point through another one to a third.

    Attributes:
        begin: First point (3,) [m].
        centre: Middle of the circle (3,) [m].
        along: Direction (3,) in which the arc begins, as long as its radius [m].
        angle: Angle of the arc, above 0 and below a whole turn [rad].
    """

    begin: FloatArray
    centre: FloatArray
    along: FloatArray
    angle: float

    @property
    def length(self) -> float:
        """Length [m]."""
        return self.angle * float(np.linalg.norm(self.begin - self.centre))

    def at(self, part: float) -> FloatArray:
        """Return the point (3,) after a part of the arc, 0 to 1 [m]."""
        turned = part * self.angle
        point: FloatArray = self.centre + math.cos(turned) * (self.begin - self.centre) + math.sin(turned) * self.along
        return point


def arc_through(begin: FloatArray, through: FloatArray, end: FloatArray) -> Arc:
    """Return the arc.

    Args:
        begin, through, end: Points (3,) each [m].

    Raises:
        MotionError: "invalid_goal" if two of them coincide or all lie on a line.
    """
    first, second = through - begin, end - begin
    normal = np.cross(first, second)
    sides = [float(np.linalg.norm(side)) for side in (first, second, end - through)]
    if min(sides) < _SHORTEST or np.linalg.norm(normal) < _COLLINEAR * sides[0] * sides[1]:
        words = ", ".join(str(np.round(point, 4).tolist()) for point in (begin, through, end))
        raise MotionError(
            "invalid_goal",
            f"no arc goes through {words} m: they lie on a line, or two of them coincide; valid: three points of one circle",
        )
    # Source: circumscribed circle of a triangle, from the corner at `begin`.
    square = float(normal @ normal)
    middle = (np.cross(normal, first) * float(second @ second) + np.cross(second, normal) * float(first @ first)) / (
        2.0 * square
    )
    centre = begin + middle
    axis = normal / math.sqrt(square)
    along = np.cross(axis, begin - centre)
    out = end - centre
    angle = math.atan2(float(out @ along), float(out @ (begin - centre)))
    return Arc(begin, centre, along, angle if angle > 0.0 else angle + 2.0 * math.pi)

"""What is asked of the tool on a whole way, as numbers; and the constraints that this is for one robot. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose
from strands_robots.planning.tool_constraints import ToolBox, ToolCone, ToolConstraint

ANGLES = (0.01, 3.0)
"""Valid angles of `upright` and `cone` [rad]."""

SPEEDS = (0.001, 10.0)
"""Valid largest speeds of the tool [m/s]."""

SMALLEST_BOX = 0.001
"""Smallest edge of a box for the tool [m]."""

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class ToolLimits:
    """What the tool keeps to on the whole way. 0 and empty ask for nothing.

    Attributes:
        upright: Largest change of the tool's tilt against the base's z axis [rad].
        cone: Largest angle between the tool's z axis and `cone_axis` [rad].
        cone_axis: Direction in the base frame, of any length.
        box: Lower and upper corner of a box in the base frame that the tool's origin stays in [m].
        speed: Largest speed of the tool's origin [m/s].

    Raises:
        MotionError: "invalid_goal" if a number is not valid; the message says what is.
    """

    upright: float = 0.0
    cone: float = 0.0
    cone_axis: Triple = (0.0, 0.0, 0.0)
    box: tuple[Triple, Triple] | None = None
    speed: float = 0.0

    def __post_init__(self) -> None:
        for name, value, (low, high), unit in (
            ("upright", self.upright, ANGLES, "rad"),
            ("cone", self.cone, ANGLES, "rad"),
            ("tool_speed", self.speed, SPEEDS, "m/s"),
        ):
            if value != 0.0 and not low <= value <= high:
                raise _invalid(f"{name} is {value:g} {unit}; valid: {low:g} to {high:g}, or 0 for no limit")
        length = float(np.linalg.norm(self.cone_axis))
        if self.cone and not 1e-6 < length < np.inf:
            raise _invalid(f"cone is {self.cone:g} rad and cone_axis {list(self.cone_axis)}; valid: a direction")
        if not self.cone and length != 0.0:
            raise _invalid(f"cone_axis is {list(self.cone_axis)} without cone; valid: an angle in cone, or no axis")
        if self.box is not None:
            low, high = np.array(self.box)
            if not np.isfinite(self.box).all() or (high - low < SMALLEST_BOX).any():
                raise _invalid(
                    f"the tool's box goes from {low.tolist()} to {high.tolist()} m; valid: finite corners at least "
                    f"{SMALLEST_BOX:g} m apart along each axis"
                )

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is asked for."""
        return not (self.upright or self.cone or self.box or self.speed)

    def constraints(self, tool: Pose) -> tuple[ToolConstraint, ...]:
        """Return the constraints on where the tool is.

        Args:
            tool: The tool's pose in the base frame at the start: `upright` is against how it is tilted there.

        Raises:
            MotionError: "invalid_goal" if the start does not keep one.
        """
        up = np.array([0.0, 0.0, 1.0])
        made: list[ToolConstraint] = []
        if self.upright:
            words = "the tool would be tilted by {angle:.3f} rad against the start"
            made.append(ToolCone(tool.rotation.T @ up, up, self.upright, words))
        if self.cone:
            words = "the tool's z axis would be {angle:.3f} rad away from cone_axis"
            made.append(ToolCone(up, np.array(self.cone_axis), self.cone, words))
        if self.box is not None:
            made.append(ToolBox(*np.array(self.box)))
        for constraint in made:
            problem = constraint.problem(tool)
            if problem:
                raise _invalid(f"at the start {problem}; the robot was not moved")
        return tuple(made)


def box_of(first: Triple, second: Triple) -> tuple[Triple, Triple]:
    """Return the lower and upper corner of a box with two opposite corners."""
    pairs = list(zip(first, second))
    x, y, z = (min(pair) for pair in pairs)
    right, far, top = (max(pair) for pair in pairs)
    return (x, y, z), (right, far, top)


def _invalid(words: str) -> MotionError:
    return MotionError("invalid_goal", words)

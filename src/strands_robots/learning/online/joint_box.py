"""Where an online learner may send the joints: a box about the start pose, whose sides are -1 and 1 of its actions. No I/O.

LeRobot's SAC takes the action space as -1 to 1: its critic is shown actions as the environment got them, not normalised.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError, PolicyError, UnknownNameError
from strands_robots.core.types import JointLimits

_ROUNDING = 1e-5  # of float32


class JointBox:
    """Converts actions to set-points and back.

    Args:
        lower, upper: Sides (D,), any unit; where they are equal the joint stays there.

    Raises:
        ConfigurationError: If a side is not finite or lies on the wrong side, or no joint may move.
    """

    def __init__(self, lower: FloatArray, upper: FloatArray) -> None:
        self.lower, self.upper = np.array(lower, dtype=np.float64), np.array(upper, dtype=np.float64)
        if not (np.isfinite(self.lower).all() and np.isfinite(self.upper).all() and (self.lower <= self.upper).all()):
            raise ConfigurationError(
                f"the box goes from {self.lower.tolist()} to {self.upper.tolist()}; valid: finite, the lower side first"
            )
        if not (self.lower < self.upper).any():
            raise ConfigurationError("no joint may move in this box; valid: at least one side of some length")

    def target(self, action: FloatArray) -> FloatArray:
        """Return the set-point (D,) of an action (D,).

        Raises:
            PolicyError: If the action has another shape, is not finite, or lies outside of -1 to 1.
        """
        row = np.asarray(action, dtype=np.float64)
        if row.shape != self.lower.shape:
            raise PolicyError(f"the action has shape {row.shape}; valid: {self.lower.shape}")
        if not (np.abs(row) <= 1.0 + _ROUNDING).all():
            raise PolicyError(f"the action is {row.tolist()}; valid: -1 to 1")
        return self.lower + 0.5 * (np.clip(row, -1.0, 1.0) + 1.0) * (self.upper - self.lower)

    def action(self, target: FloatArray) -> FloatArray:
        """Return the action (D,) nearest to a set-point (D,); 0 for joints that stay."""
        width = self.upper - self.lower
        share = np.divide(np.asarray(target) - self.lower, width, out=np.full(len(width), 0.5), where=width > 0.0)
        found: FloatArray = np.clip(2.0 * share - 1.0, -1.0, 1.0)
        return found


def box_about(limits: JointLimits, start: FloatArray, span: float, joints: Sequence[str]) -> JointBox:
    """Return the box about a start pose, within the joints' limits.

    Args:
        limits: Of the joints.
        start: Pose (D,) [rad] or [m].
        span: How far a joint may go to either side [rad] or [m].
        joints: Joints that may move; empty for all.

    Raises:
        ConfigurationError: If the span is not positive.
        UnknownNameError: If there is no such joint.
    """
    if not 0.0 < span < np.inf:
        raise ConfigurationError(f"the span is {span:g}; valid: above 0")
    for joint in joints:
        if joint not in limits.names:
            raise UnknownNameError("joint", joint, limits.names)
    reach = np.array([span if not joints or name in joints else 0.0 for name in limits.names])
    middle = np.clip(start, limits.lower, limits.upper)
    return JointBox(np.maximum(middle - reach, limits.lower), np.minimum(middle + reach, limits.upper))

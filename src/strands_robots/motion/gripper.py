"""Opening and closing a gripper: what may be asked, and how far open it is. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError, UnknownNameError
from strands_robots.description.robot_config import RobotConfig
from strands_robots.motion.contact import ContactMonitor, grip_contact
from strands_robots.motion.move_to import LIMIT_TOLERANCE, positive
from strands_robots.motion.path import JointPath
from strands_robots.motion.planner import PlannedMove

TOLERANCE = 0.02
"""Distance that counts as reached, as part of the way between open and closed, where an asker gives none."""


@dataclass(frozen=True)
class Grip:
    """A position of a robot's gripper that is asked for.

    Attributes:
        columns: The gripper's joints, in the robot's joint order.
        closed, open: Their ends [rad] or [m].
        target: Where to [rad] or [m].
        tolerance: Distance that counts as reached [rad] or [m].
        max_effort: Effort to hold an object with [Nm] or [N]; 0 for the robot's own.
    """

    columns: tuple[int, ...]
    closed: float
    open: float
    target: float
    tolerance: float
    max_effort: float = 0.0

    def fraction(self, position: FloatArray) -> float:
        """Return how far open joint positions (D,) are: 0 closed, 1 open."""
        return (self.position(position) - self.closed) / (self.open - self.closed)

    def position(self, position: FloatArray) -> float:
        """Return the mean position of the gripper's joints [rad] or [m] of joint positions (D,)."""
        return float(position[list(self.columns)].mean())

    def is_reached(self, position: FloatArray) -> bool:
        """Return whether joint positions (D,) are at the target."""
        return bool((np.abs(position[list(self.columns)] - self.target) <= self.tolerance).all())

    def move(self, start: FloatArray) -> PlannedMove:
        """Return the way of the joints from set-points (D,) to the target."""
        columns = list(self.columns)
        end = np.full(len(columns), self.target)
        return PlannedMove(self.columns, JointPath(np.array([start[columns], end])), end)

    def contact(self, velocity_limits: FloatArray) -> ContactMonitor:
        """Return what tells of an object; velocity_limits (D,) [rad/s] or [m/s]."""
        ranges = np.full(len(self.columns), abs(self.open - self.closed))
        target = np.full(len(self.columns), self.target)
        return grip_contact(velocity_limits[list(self.columns)], ranges, target, self.tolerance, self.max_effort)


def grip(
    config: RobotConfig,
    *,
    position: float,
    is_fraction: bool,
    tolerance: float,
    max_effort: float,
    effort: Sequence[float],
) -> Grip:
    """Return the grip of an asker.

    Args:
        config: The robot.
        position: Part of the way from closed to open, 0 to 1, or joint position [rad] or [m].
        is_fraction: Which of the two.
        tolerance: Distance that counts as reached, in the same unit; 0 takes `TOLERANCE` of the way.
        max_effort: Effort to hold with [Nm] or [N]; 0 for the robot's own.
        effort: Measured efforts of all joints, to see whether the robot measures any.

    Raises:
        MotionError: If a number is not valid, the robot has no gripper, or measures no effort; the message says what
            is valid.
    """
    gripper = config.gripper
    if gripper is None:
        raise MotionError(
            "invalid_goal",
            f"robot '{config.name}' has no gripper in its configuration; valid: MoveTo with joint positions",
        )
    limits = config.limits()
    for name in gripper.joints:
        if name not in limits.index:
            raise UnknownNameError("joint", name, limits.names)
    columns = [limits.index[name] for name in gripper.joints]
    way = gripper.open - gripper.closed
    low, high = (0.0, 1.0) if is_fraction else (float(limits.lower[columns].max()), float(limits.upper[columns].min()))
    if not low - LIMIT_TOLERANCE <= position <= high + LIMIT_TOLERANCE:
        unit = "part of the way from closed (0) to open (1)" if is_fraction else "joint position"
        raise MotionError("invalid_goal", f"position is {position:.10g}, a {unit}; valid: {low:.10g} to {high:.10g}")
    position = min(max(position, low), high)
    largest = float(limits.effort[columns].min())
    if not 0.0 <= max_effort <= largest:
        raise MotionError(
            "invalid_goal",
            f"max_effort is {max_effort:g}; valid: above 0 and up to {largest:g}, or 0 for the robot's own",
        )
    if max_effort > 0.0 and not np.any(np.asarray(effort)):
        raise MotionError("invalid_goal", f"max_effort is {max_effort:g}, but the robot measures no effort; valid: 0")
    default = TOLERANCE if is_fraction else TOLERANCE * abs(way)
    given = positive("tolerance", tolerance, default)
    return Grip(
        columns=tuple(columns),
        closed=gripper.closed,
        open=gripper.open,
        target=gripper.closed + position * way if is_fraction else position,
        tolerance=given * abs(way) if is_fraction else given,
        max_effort=max_effort,
    )

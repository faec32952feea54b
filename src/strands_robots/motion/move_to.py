"""What may be asked of a motion, and whether a robot got there. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError, UnknownNameError
from strands_robots.core.number_text import outside
from strands_robots.core.pose import Pose
from strands_robots.core.types import JointLimits
from strands_robots.motion.arm import Arm
from strands_robots.motion.ik import Orientation, PoseTarget

JOINT_TOLERANCE = 0.01
"""Taken where an asker gives no tolerance [rad] or [m]."""

POSITION_TOLERANCE = 0.002
"""Taken where an asker gives no tolerance [m]."""

ORIENTATION_TOLERANCE = 0.02
"""Taken where an asker gives no tolerance [rad]."""

SPEED = 0.5
"""Part of the velocity limits, taken where an asker gives none."""

SLOWEST = 0.01
"""Smallest part of the velocity limits that may be asked for: a motion must not keep its robot for hours."""

LIMIT_TOLERANCE = 1e-6
"""What a number may be beyond the end of its range, as arithmetic leaves it; it is taken for the end."""


@dataclass(frozen=True)
class JointTarget:
    """Positions of some joints that are asked for.

    Attributes:
        columns: Which joints, in the robot's joint order.
        positions: Where to (D',) [rad] or [m].
        tolerance: Largest distance of each [rad] or [m].
    """

    columns: tuple[int, ...]
    positions: FloatArray
    tolerance: float = JOINT_TOLERANCE


Target: TypeAlias = JointTarget | PoseTarget


@dataclass(frozen=True)
class Reached:
    """Where a robot is, against where it should be.

    Attributes:
        is_reached: True when every error is within its tolerance.
        joint_error: Largest distance of a joint from its planned end [rad] or [m].
        position_error: Distance of the tool from the asked position [m]; 0 for a joint target.
        orientation_error: Angle of the tool from the asked orientation [rad]; 0 for a joint target.
        tool: Pose of the tool in the base frame; None for a robot without tool frame.
    """

    is_reached: bool
    joint_error: float
    position_error: float
    orientation_error: float
    tool: Pose | None


def joint_target(
    limits: JointLimits, names: Sequence[str], positions: Sequence[float], tolerance: float
) -> JointTarget:
    """Return the target of an asker.

    Args:
        limits: The robot's limits.
        names: Joint names.
        positions: As many positions [rad] or [m].
        tolerance: Largest distance [rad] or [m]; 0 takes `JOINT_TOLERANCE`.

    Raises:
        UnknownNameError: If the robot has no such joint.
        MotionError: If anything else is wrong; the message says what, and what is valid.
    """
    if not names or len(names) != len(positions) or len(set(names)) != len(names):
        raise MotionError(
            "invalid_goal",
            f"{len(names)} joint names and {len(positions)} positions given; valid: at least one name, "
            "each once, and as many positions",
        )
    for name, position in zip(names, positions):
        if name not in limits.index:
            raise UnknownNameError("joint", name, limits.names)
        column = limits.index[name]
        low, high = float(limits.lower[column]), float(limits.upper[column])
        if not low - LIMIT_TOLERANCE <= position <= high + LIMIT_TOLERANCE:
            raise MotionError("invalid_goal", f"position of '{name}' is {outside(position, low, high)}")
    columns = tuple(limits.index[name] for name in names)
    clipped = np.clip(np.array(positions, dtype=np.float64), limits.lower[list(columns)], limits.upper[list(columns)])
    return JointTarget(columns, clipped, positive("joint_tolerance", tolerance, JOINT_TOLERANCE))


def pose_target(pose: Pose, orientation: int, position_tolerance: float, orientation_tolerance: float) -> PoseTarget:
    """Return the target of an asker.

    Args:
        pose: Pose of the tool in the base frame.
        orientation: Number of `Orientation`.
        position_tolerance: Largest distance [m]; 0 takes `POSITION_TOLERANCE`.
        orientation_tolerance: Largest angle [rad]; 0 takes `ORIENTATION_TOLERANCE`.

    Raises:
        MotionError: If a number is not valid; the message says what is.
    """
    numbers = {int(kind): kind.name for kind in Orientation}
    if orientation not in numbers:
        valid = ", ".join(f"{number} ({name})" for number, name in numbers.items())
        raise MotionError("invalid_goal", f"orientation is {orientation}; valid: {valid}")
    return PoseTarget(
        pose,
        Orientation(orientation),
        positive("position_tolerance", position_tolerance, POSITION_TOLERANCE),
        positive("orientation_tolerance", orientation_tolerance, ORIENTATION_TOLERANCE),
    )


def positive(name: str, given: float, default: float, largest: float = 10.0) -> float:
    """Return a number of an asker, or the default for 0.

    Raises:
        MotionError: If it is negative, not finite or above `largest`.
    """
    if not 0.0 <= given <= largest:
        raise MotionError(
            "invalid_goal", f"{name} is {given:g}; valid: above 0 and up to {largest:g}, or 0 for {default:g}"
        )
    return float(given) or default


def judge(arm: Arm, target: Target, columns: Sequence[int], planned: FloatArray, position: FloatArray) -> Reached:
    """Return how near measured joint positions are to a target.

    Args:
        arm: Kinematics of the robot.
        target: What was asked for.
        columns: Joints that were moved.
        planned: Where they were to end (D',) [rad] or [m].
        position: Measured joint positions (D,) [rad] or [m].
    """
    tool = arm.tool_pose(position) if arm.tool is not None else None
    joint_error = float(np.abs(position[list(columns)] - planned).max())
    if isinstance(target, JointTarget):
        return Reached(joint_error <= target.tolerance, joint_error, 0.0, 0.0, tool)
    assert tool is not None  # a robot without tool frame gets no pose target
    distance, angle = target.errors(tool)
    is_reached = distance <= target.position_tolerance and angle <= target.orientation_tolerance
    return Reached(is_reached, joint_error, distance, angle, tool)

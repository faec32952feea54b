"""How a way begins from motion: straight on for as long as stopping would take, so that there is no stop. No I/O."""

from __future__ import annotations

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.core.types import JointLimits
from strands_robots.motion.path import JointPath
from strands_robots.planning.time_law import MARGIN

ROOM = 1.3
"""The lead-in is this many times as long as stopping takes: what follows may bend at its end."""

LARGEST_TURN = 0.02
"""Largest angle between the velocity and the direction in which the curve begins [rad]."""

_PARTS = 5  # points of the lead-in; what a corner at its end does to a spline falls to a quarter with each
_REST = 1e-6  # [rad/s] or [m/s]


def lead_in(
    start: FloatArray, velocity: FloatArray, limits: JointLimits, columns: list[int], speed: float
) -> FloatArray:
    """Return points (K, D) from a start straight on in the direction of its velocity; the start alone where it rests.

    Args:
        start: Joint positions (D,) [rad] or [m].
        velocity: Joint velocities there (D,) [rad/s] or [m/s].
        limits: The robot's limits.
        columns: Joints that the way moves.
        speed: Part of the velocity limits that it uses; accelerations follow with its square.

    Raises:
        MotionError: "no_path" if the robot moves other joints, is too fast for this speed, or the way leaves the limits.
    """
    fastest = float(np.linalg.norm(velocity))
    if fastest < _REST:
        return start[None]
    others = np.ones(len(start), dtype=bool)
    others[columns] = False
    if np.abs(velocity[others]).max(initial=0.0) > _REST:
        raise _impossible("joints move that the goal does not")
    if (np.abs(velocity) > 1.01 * MARGIN * speed * limits.velocity).any():
        raise _impossible(f"the robot is faster than {speed:g} of its speed limits")
    direction = velocity / fastest
    # Joints that hardly move may brake as slowly as they like.
    hardest = float((MARGIN * speed**2 * limits.acceleration / np.maximum(np.abs(direction), 1e-6)).min())
    length = ROOM * fastest**2 / (2.0 * hardest)
    points = start + np.linspace(0.0, length, _PARTS)[:, None] * direction
    if (points[-1] < limits.lower).any() or (points[-1] > limits.upper).any():
        raise _impossible("going straight on would leave the joint limits")
    made: FloatArray = points
    return made


def rate_at_start(path: JointPath, velocity: FloatArray, limit: FloatArray) -> float:
    """Return the rate of a path's parameter that has a velocity at its start [1/s].

    Args:
        path: The curve (D').
        velocity: Velocities at its start (D',) [rad/s] or [m/s].
        limit: Largest velocities (D',) of the time law.

    Raises:
        MotionError: "no_path" if the curve begins in another direction.
    """
    slope = path.derivatives(np.zeros(1))[0][0]
    speed, steep = float(np.linalg.norm(velocity)), float(np.linalg.norm(slope))
    angle = float(np.arccos(np.clip(slope @ velocity / (speed * steep), -1.0, 1.0)))
    if angle > LARGEST_TURN:
        raise _impossible(f"the curve begins {angle:.3f} rad beside the robot's velocity")
    # A law whose limit the robot just uses is met within rounding.
    return min(speed / steep, 0.999 * float((limit / np.maximum(np.abs(slope), 1e-12)).min()))


def _impossible(why: str) -> MotionError:
    return MotionError("no_path", f"no way begins from this motion: {why}; valid: a start at rest")

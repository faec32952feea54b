"""How a robot's set-point moves at this moment, from the last ticks: where a trajectory that replaces another one begins. No I/O."""

from __future__ import annotations

import numpy as np

from strands_robots.core.arrays import FloatArray

SHORTEST = 1e-4
"""Two ticks closer together than this are one [s]."""

LONGEST = 0.1
"""A set-point that was not renewed for this long stands [s]."""


class SetpointMotion:
    """The state of motion that the last set-points make.

    Attributes:
        position: Last set-point (D,) [rad] or [m].
        velocity: Its velocity over the last tick (D,) [rad/s] or [m/s].
        acceleration: The change of that (D,) [rad/s^2] or [m/s^2].
        stamp: When it was given [s, ROS time].
    """

    def __init__(self, position: FloatArray, stamp: float) -> None:
        self.position = position
        self.velocity: FloatArray = np.zeros(len(position))
        self.acceleration: FloatArray = np.zeros(len(position))
        self.stamp = stamp

    def update(self, position: FloatArray, stamp: float) -> SetpointMotion:
        """Return the motion after one more set-point (D,) at `stamp` [s, ROS time]."""
        elapsed = stamp - self.stamp
        fresh = SetpointMotion(position, stamp)
        if 0.0 <= elapsed < SHORTEST:
            fresh.velocity, fresh.acceleration = self.velocity, self.acceleration
        elif SHORTEST <= elapsed < LONGEST and position is not self.position:
            fresh.velocity = (position - self.position) / elapsed
            fresh.acceleration = (fresh.velocity - self.velocity) / elapsed
        return fresh

    def is_moving(self, now: float) -> bool:
        """Return whether the set-point moves at `now` [s, ROS time]."""
        return 0.0 <= now - self.stamp < LONGEST and bool(self.velocity.any())

"""The set-point that teleoperation asks for: follows a goal within limits, and always knows how it would come to rest. No I/O."""

from __future__ import annotations

import numpy as np

from strands_robots.control.limiter import Limiter
from strands_robots.core.arrays import FloatArray
from strands_robots.core.types import JointLimits

ACCELERATION = 0.5
"""Part of the acceleration limits that is used, so that the robot's own player can follow without making a way of its own."""

MOST_ROWS = 64


class Reference:
    """A set-point that is asked for once each period, and its way to rest when nothing more is asked.

    Args:
        limits: The robot's joint limits.
        period: Time between two rows [s].
        closing: Part of the velocity limits at which a gap to the goal is closed after `begin`.
    """

    def __init__(self, limits: JointLimits, period: float, closing: float) -> None:
        self._limits = JointLimits(
            limits.names, limits.lower, limits.upper, limits.velocity, ACCELERATION * limits.acceleration, limits.effort
        )
        self._period = period
        self._closing = closing * limits.velocity
        self._limiter = Limiter(self._limits, limits.lower)
        self._rows: FloatArray = np.zeros((2, len(limits)))
        self._goal: FloatArray = np.zeros(len(limits))
        self._sent = 0.0

    @property
    def position(self) -> FloatArray:
        """The set-point (D,) [rad] or [m]."""
        return self._limiter.position

    def begin(self, position: FloatArray, velocity: FloatArray, speed: float, now: float) -> None:
        """Start where the robot's set-point is.

        Args:
            position: Set-point of the robot (D,) [rad] or [m].
            velocity: Its velocity (D,) [rad/s] or [m/s].
            speed: Part of the velocity limits that is used.
            now: Present [s, steady time].
        """
        self._limiter = Limiter(self._limits, position - velocity * self._period)
        self._limiter.place(position.copy(), self._period)
        self._limiter.scale_speed(speed)
        self._limiter.closing = self._closing
        self._goal = position.copy()
        self._sent = now
        self._rows = self._to_rest()

    def follow(self, goal: FloatArray, speed: float, now: float) -> FloatArray:
        """Move one period towards a goal (D,) [rad] or [m] and return rows (H, D): from here, over there, to rest."""
        self._catch_up(now)
        period = self._period
        # The goal's velocity is what its last step was; a step that no joint could make is a jump, and has none.
        velocity = (goal - self._goal) / period
        velocity[np.abs(velocity) > self._limits.velocity] = 0.0
        self._limiter.scale_speed(speed)
        self._limiter.track(goal, velocity, period)
        self._goal, self._sent = goal, now
        self._rows = self._to_rest()
        return self._rows

    def _to_rest(self) -> FloatArray:
        """Return the last row, this one, and what follows when the set-point brakes."""
        limiter, period = self._limiter, self._period
        before = limiter.position - limiter.velocity * period
        braking = Limiter(self._limits, before)
        braking.place(limiter.position, period)
        rows = [before, limiter.position]
        while len(rows) < MOST_ROWS and not braking.brake(period):
            rows.append(braking.position)
        return np.array([*rows, rows[-1]])

    def _catch_up(self, now: float) -> None:
        """Put the set-point where the rows that were sent are by now, if this is late."""
        late = round((now - self._sent) / self._period)
        if late <= 1:
            return
        row = min(late, len(self._rows) - 1)
        self._limiter.hold(self._rows[row - 1])
        self._limiter.place(self._rows[row].copy(), self._period)

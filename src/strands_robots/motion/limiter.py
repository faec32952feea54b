"""Move a set-point towards a goal within velocity, acceleration and position limits, one control tick at a time."""

from __future__ import annotations

import numpy as np

from strands_robots.types import FloatArray, JointLimits


class Limiter:
    """Set-point of a robot, (D,), that never moves faster than the limits allow.

    Attributes:
        position: Set-point (D,) [rad]; starts at the measured position.
        velocity: Its velocity (D,) [rad/s].
    """

    def __init__(self, limits: JointLimits, position: FloatArray) -> None:
        self._limits = limits
        self.position = np.array(position, dtype=np.float64)
        self.velocity = np.zeros(len(limits))

    def hold(self, position: FloatArray) -> None:
        """Put the set-point at `position` (D,) [rad] at rest; for a start, a reset, or while torque is off."""
        np.copyto(self.position, position)
        self.velocity[:] = 0.0

    def place(self, position: FloatArray, dt: float) -> None:
        """Move to `position` (D,) [rad] in one tick of `dt` [s]; the caller has checked that it is within the limits."""
        np.subtract(position, self.position, out=self.velocity)
        self.velocity *= 1.0 / dt
        np.copyto(self.position, position)

    def track(self, goal: FloatArray, goal_velocity: FloatArray, dt: float) -> bool:
        """Move one tick towards a goal that itself moves; return whether the set-point is now there.

        The set-point approaches so that it can brake in time: in the frame of the goal its speed stays under the speed from which
        it stops, losing `acceleration * dt` at each tick, in the distance that is left.

        Args:
            goal: Wanted position at the end of this tick (D,) [rad].
            goal_velocity: Velocity of the goal (D,) [rad/s].
            dt: Length of the tick [s].
        """
        limits = self._limits
        inside = np.clip(goal, limits.lower, limits.upper)
        feed = np.where(inside == goal, goal_velocity, 0.0)
        relative = inside - self.position - feed * dt
        reach = self._stopping_speed(np.abs(relative), dt)
        wanted = feed + np.clip(relative / dt, -reach, reach)
        self._apply(wanted, dt)
        return bool((np.abs(inside - self.position) < 1e-9).all())

    def can_place(self, position: FloatArray, next_velocity: FloatArray, dt: float) -> bool:
        """Return whether `place(position)` now, and `next_velocity` (D,) [rad/s] after it, break no limit."""
        limits = self._limits
        velocity = (position - self.position) / dt
        step = limits.acceleration * dt * (1.0 + 1e-6) + 1e-12
        return bool(
            (np.abs(velocity) <= limits.velocity * (1.0 + 1e-6)).all()
            and (np.abs(velocity - self.velocity) <= step).all()
            and (np.abs(next_velocity - velocity) <= step).all()
        )

    def drive(self, velocity: FloatArray, dt: float) -> None:
        """Move one tick with the wanted `velocity` (D,) [rad/s], within the limits."""
        self._apply(velocity, dt)

    def brake(self, dt: float) -> bool:
        """Lose as much speed as the acceleration limits allow in one tick; return whether the set-point is at rest."""
        if not self.velocity.any():
            return True
        self._apply(np.zeros_like(self.velocity), dt)
        return not self.velocity.any()

    def _stopping_speed(self, distance: FloatArray, dt: float) -> FloatArray:
        half = 0.5 * self._limits.acceleration * dt
        speed: FloatArray = np.sqrt(half * half + 2.0 * self._limits.acceleration * distance) - half
        return speed

    def _apply(self, wanted: FloatArray, dt: float) -> None:
        limits = self._limits
        wanted = np.clip(wanted, -limits.velocity, limits.velocity)
        step = limits.acceleration * dt
        # Braking before a joint limit may not be weakened by the acceleration limit of an accelerating goal, so it comes first:
        # a set-point that respected it at every earlier tick can always still brake in time.
        with np.errstate(invalid="ignore"):
            up = self._stopping_speed(np.maximum(limits.upper - self.position, 0.0), dt)
            down = self._stopping_speed(np.maximum(self.position - limits.lower, 0.0), dt)
        wanted = np.clip(wanted, -down, up)
        velocity = np.clip(wanted, self.velocity - step, self.velocity + step)
        position = self.position + velocity * dt
        # A set-point inside its range stays inside; one that starts outside (the arm was pushed there) may only come back.
        upper = np.maximum(limits.upper, self.position)
        lower = np.minimum(limits.lower, self.position)
        np.clip(position, lower, upper, out=position)
        np.divide(position - self.position, dt, out=self.velocity)
        self.velocity[np.abs(self.velocity) < 1e-12] = 0.0
        np.copyto(self.position, position)

"""Move a set-point towards a goal within velocity, acceleration and position limits, one control tick at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.arrays import FloatArray
from strands_robots.core.types import JointLimits


class Limiter:
    """Set-point of a robot, (D,), that never moves faster than the limits allow.

    Attributes:
        position: Set-point (D,) [rad]; starts at the measured position. Replaced at every tick, never written to.
        speed_scale: Part of the velocity limits that is used, above 0 and up to 1.
        closing: Speed (D,) [rad/s] at which a gap to the goal is closed, besides the goal's own velocity, until it is closed; None:
            as fast as the limits allow. For a source that takes the robot over where another left it.
    """

    def __init__(self, limits: JointLimits, position: FloatArray) -> None:
        self._limits = limits
        self.position = np.array(position, dtype=np.float64)
        self._previous = self.position
        self._dt = 1.0
        self.speed_scale = 1.0
        self._fastest = limits.velocity
        self.closing: FloatArray | None = None

    def scale_speed(self, scale: float) -> None:
        """Use this part of the velocity limits, above 0 and up to 1; a faster set-point slows down within its acceleration limits."""
        if scale != self.speed_scale:
            self.speed_scale = scale
            self._fastest = scale * self._limits.velocity

    @property
    def velocity(self) -> FloatArray:
        """Velocity of the set-point over the last tick (D,) [rad/s]."""
        velocity: FloatArray = (self.position - self._previous) / self._dt
        velocity[np.abs(velocity) < 1e-12] = 0.0
        return velocity

    def hold(self, position: FloatArray) -> None:
        """Put the set-point at `position` (D,) [rad] at rest; for a start, a reset, or while torque is off."""
        self.position = np.array(position, dtype=np.float64)
        self._previous = self.position

    def give_way(self, measured: FloatArray, joints: NDArray[np.bool_]) -> None:
        """Put the set-point of some `joints` (D,) at rest where they are `measured` (D,) [rad], so that they press no further."""
        position: FloatArray = np.where(joints, measured, self.position)
        self._previous = np.where(joints, measured, self._previous)
        self.position = position

    def follow(self, measured: FloatArray, velocity: FloatArray, joints: NDArray[np.bool_], dt: float) -> None:
        """Put the set-point of some joints where they are measured, moving as they do, for drives that do not act on it.

        Args:
            measured: Positions (D,) [rad].
            velocity: Measured velocities (D,) [rad/s]; what is over a limit is taken for the limit.
            joints: Which joints (D,).
            dt: Length of the tick [s].
        """
        fastest = self._limits.velocity
        velocity = np.where(joints, np.clip(velocity, -fastest, fastest), self.velocity)
        self.position = np.where(joints, measured, self.position)
        self._previous = self.position - velocity * dt
        self._dt = dt

    def place(self, position: FloatArray, dt: float) -> None:
        """Move to `position` (D,) [rad] in one tick of `dt` [s]; the caller has checked that this breaks no limit."""
        self._previous = self.position
        self.position = position
        self._dt = dt

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
        if self.closing is not None:
            reach = self._close(np.abs(relative), reach, self.closing, dt)
        wanted = feed + np.clip(relative / dt, -reach, reach)
        self._apply(wanted, dt)
        return bool((np.abs(inside - self.position) < 1e-9).all())

    def can_place(self, position: FloatArray, next_velocity: FloatArray, dt: float, next_dt: float) -> bool:
        """Return whether `place(position)` now, and `next_velocity` (D,) [rad/s] in a tick of `next_dt` [s] after it, break no limit.

        After a late tick the next one is on time again: what the long one allows, the short one may not.
        """
        limits = self._limits
        velocity = (position - self.position) / dt
        step = limits.acceleration * dt * (1.0 + 1e-6) + 1e-12
        return bool(
            (np.abs(velocity) <= self._fastest * (1.0 + 1e-6)).all()
            and (np.abs(velocity - self.velocity) <= step).all()
            and (np.abs(next_velocity - velocity) <= limits.acceleration * next_dt * (1.0 + 1e-6) + 1e-12).all()
        )

    def drive(self, velocity: FloatArray, dt: float) -> None:
        """Move one tick with the wanted `velocity` (D,) [rad/s], within the limits."""
        self._apply(velocity, dt)

    def brake(self, dt: float) -> bool:
        """Lose as much speed as the acceleration limits allow in one tick; return whether the set-point is at rest."""
        if self._previous is self.position:
            return True
        if not self.velocity.any():
            self._previous = self.position
            return True
        self._apply(np.zeros(len(self._limits)), dt)
        return False

    def _close(self, gap: FloatArray, reach: FloatArray, closing: FloatArray, dt: float) -> FloatArray:
        """Return how fast a gap (D,) is closed while the robot is taken over; the last step ends that."""
        if bool((gap <= closing * dt).all()):
            self.closing = None
        return np.minimum(reach, closing)

    def _stopping_speed(self, distance: FloatArray, dt: float) -> FloatArray:
        """Speed (D,) for this tick after which a set-point that brakes with the acceleration limit stops within `distance` (D,).

        The positive root of v * dt + v^2 / (2 a) = distance.
        """
        lost = self._limits.acceleration * dt
        speed: FloatArray = np.sqrt(lost * lost + 2.0 * self._limits.acceleration * distance) - lost
        return speed

    def _apply(self, wanted: FloatArray, dt: float) -> None:
        limits = self._limits
        current = self.velocity
        # The way left to a joint limit bounds the speed first. A set-point that kept this bound at every earlier tick can always
        # brake within the acceleration limit, which comes second.
        up = self._stopping_speed(np.maximum(limits.upper - self.position, 0.0), dt)
        down = self._stopping_speed(np.maximum(self.position - limits.lower, 0.0), dt)
        wanted = np.clip(wanted, -np.minimum(down, self._fastest), np.minimum(up, self._fastest))
        step = limits.acceleration * dt
        position = self.position + np.clip(wanted, current - step, current + step) * dt
        # A set-point inside its range stays inside; one that starts outside (the arm was pushed there) may only come back.
        np.clip(
            position, np.minimum(limits.lower, self.position), np.maximum(limits.upper, self.position), out=position
        )
        position += 0.0  # which zero a clip at zero gives depends on the processor; so it is always the positive one
        self.place(position, dt)

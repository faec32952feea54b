"""Plays an accepted chunk at the robot's control rate, brakes, and holds. It knows nothing of permission: the gate does."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from strands_robots.control.limiter import Limiter
from strands_robots.control.spline import MonotoneCubic
from strands_robots.core.arrays import FloatArray
from strands_robots.core.types import ControlMode, JointLimits

LATEST = 3.0
"""A tick that comes later than this many periods moves the set-point no further than one that comes so late."""


class PlannedChunk:
    """A chunk that passed the gate, laid out for playing.

    Attributes:
        mode: POSITION or VELOCITY.
        columns: Indices (D',) of the named joints in the robot's joint order.
        curve: Rows (H, D') and their interpolation.
        start: ROS time of row 0 [s].
        last: ROS time of the last row [s].
        end: ROS time at which the last row has lasted one period [s].
        is_full: True when `columns` are all joints in order, so that a row is a set-point.
        is_smooth: True when playing it row by row breaks no velocity or acceleration limit; such a chunk is played exactly.
    """

    def __init__(
        self,
        mode: ControlMode,
        columns: list[int],
        rows: FloatArray,
        period: float,
        start: float,
        *,
        is_full: bool,
        is_smooth: bool,
    ) -> None:
        self.mode = mode
        self.columns = columns
        self.curve = MonotoneCubic(rows, period if period > 0.0 else 1.0)
        self.start = start
        self.last = start + (len(rows) - 1) * period
        self.end = start + len(rows) * period
        self.is_full = is_full
        self.is_smooth = is_smooth


class ChunkPlayer:
    """Turns the chunk being played into one position set-point for each control tick.

    Args:
        limits: Joint limits.
        position: Where the set-point begins (D,) [rad].
        period: Nominal time between two ticks [s]; a tick that is late is followed by one that is on time.
        handover_speed: Part of the velocity limits at which the gap to the rows of a new source is closed, above 0 and up to 1.

    Attributes:
        setpoint: The limiter that holds position and velocity of the set-point.
        is_playing: True while a chunk is not at its end, or the set-point has not arrived there.
        end: ROS time at which the chunk being played ends [s]; minus infinity when none is.
    """

    def __init__(
        self, limits: JointLimits, position: FloatArray, period: float = 0.01, handover_speed: float = 1.0
    ) -> None:
        self.setpoint = Limiter(limits, position)
        self.is_playing = False
        self.end = -math.inf
        self._size = len(limits)
        self._period = period
        self._closing = handover_speed * limits.velocity
        self._chunk: PlannedChunk | None = None
        self._is_exact = False
        self._rest_of_joints = self.setpoint.position

    @property
    def is_exact(self) -> bool:
        """True while the chunk is played row by row, as it was checked; the set-point makes no way of its own."""
        return self._is_exact

    @property
    def is_at_rest(self) -> bool:
        """True while nothing plays and the set-point stands."""
        return not self.is_playing and not self.setpoint.velocity.any()

    def play(self, chunk: PlannedChunk, *, is_handover: bool = False) -> None:
        """Replace what is being played. Joints that the chunk does not name keep their set-point.

        Args:
            chunk: What to play.
            is_handover: Another source than the last one begins: a gap between the set-point and its rows is closed slowly, however
                many of its chunks that takes. Nothing of this is left in a tick once the gap is closed.
        """
        if is_handover:
            self.setpoint.closing = self._closing
        self._chunk = chunk
        self.end = chunk.end
        self.is_playing = True
        self._is_exact = False
        self._rest_of_joints = self.setpoint.position

    def drop(self) -> None:
        """Forget the chunk; the next ticks brake within the acceleration limits and then hold."""
        self._chunk = None
        self.end = -math.inf
        self.is_playing = False
        self._is_exact = False

    def hold(self, position: FloatArray) -> None:
        """Forget the chunk and put the set-point at `position` (D,) [rad], at rest."""
        self.drop()
        self.setpoint.hold(position)

    def begin_at(self, position: FloatArray, joints: NDArray[np.bool_]) -> None:
        """Put the set-point of some `joints` (D,) at rest at `position` (D,) [rad]; what is played goes on from there."""
        self.setpoint.give_way(position, joints)
        self._rest_of_joints = self.setpoint.position
        self._is_exact = False
        if self._chunk is not None and self._chunk.last > self._chunk.start:
            self.setpoint.closing = self._closing

    def advance(self, now: float, dt: float) -> FloatArray:
        """Return the set-point (D,) [rad] for the tick from `now` to `now + dt` [s, ROS time]; not to be written to.

        After a gap the set-point catches up within the limits: what it would have made in the gap is no step of one tick.
        """
        chunk = self._chunk
        if dt > LATEST * self._period:
            dt, self._is_exact = LATEST * self._period, False
        if chunk is None:
            self.setpoint.brake(dt)
        elif self._is_exact and self.setpoint.speed_scale == 1.0 and now < chunk.last + 1e-9:
            self.setpoint.place(self._goal(chunk, now), dt)
        elif chunk.mode is ControlMode.VELOCITY:
            self._advance_velocity(chunk, now, dt)
        else:
            self._approach(chunk, now, dt)
        return self.setpoint.position

    def _goal(self, chunk: PlannedChunk, time: float) -> FloatArray:
        row = chunk.curve.at(max(time - chunk.start, 0.0))
        if chunk.is_full:
            return row
        goal = self._rest_of_joints.copy()
        goal[chunk.columns] = row
        return goal

    def _approach(self, chunk: PlannedChunk, now: float, dt: float) -> None:
        goal = self._goal(chunk, now)
        self._is_exact = False
        if now >= chunk.end - 1e-9:
            if self.setpoint.track(goal, np.zeros(self._size), dt) and not self.setpoint.velocity.any():
                self.drop()
            return
        ahead = min(dt, self._period)
        goal_velocity = (self._goal(chunk, now + ahead) - goal) / ahead
        may_be_exact = chunk.is_smooth and self.setpoint.speed_scale == 1.0
        if may_be_exact and self.setpoint.can_place(goal, goal_velocity, dt, ahead):
            self.setpoint.place(goal, dt)
            self.setpoint.closing = None
            self._is_exact = True
        else:
            self.setpoint.track(goal, goal_velocity, dt)

    def _advance_velocity(self, chunk: PlannedChunk, now: float, dt: float) -> None:
        wanted = np.zeros(self._size)
        ended = now >= chunk.end - 1e-9
        if not ended:
            wanted[chunk.columns] = chunk.curve.at(max(now - chunk.start, 0.0))
        self.setpoint.drive(wanted, dt)
        if ended and not self.setpoint.velocity.any():
            self.drop()

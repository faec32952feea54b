"""Plays an accepted chunk at the robot's control rate, brakes, and holds. It knows nothing of permission: the gate does."""

from __future__ import annotations

import math

import numpy as np

from strands_robots.motion.limiter import Limiter
from strands_robots.motion.spline import MonotoneCubic
from strands_robots.types import ControlMode, FloatArray, JointLimits


class PlannedChunk:
    """A chunk that passed the gate, laid out for playing.

    Attributes:
        mode: POSITION or VELOCITY.
        columns: Indices (D',) of the named joints in the robot's joint order.
        curve: Rows (H, D') and their interpolation.
        start: ROS time of row 0 [s].
        end: ROS time at which the last row has lasted one period [s].
        is_smooth: True when playing it row by row breaks no velocity or acceleration limit; such a chunk is played exactly.
    """

    def __init__(
        self, mode: ControlMode, columns: list[int], rows: FloatArray, period: float, start: float, is_smooth: bool
    ) -> None:
        self.mode = mode
        self.columns = columns
        self.curve = MonotoneCubic(rows, period if period > 0.0 else 1.0)
        self.start = start
        self.end = start + len(rows) * period
        self.is_smooth = is_smooth


class ChunkPlayer:
    """Turns the chunk being played into one position set-point for each control tick.

    Attributes:
        setpoint: The limiter that holds position and velocity of the set-point.
        is_playing: True while a chunk is not at its end, or the set-point has not arrived there.
    """

    def __init__(self, limits: JointLimits, position: FloatArray) -> None:
        self.setpoint = Limiter(limits, position)
        self.is_playing = False
        self._chunk: PlannedChunk | None = None
        self._is_exact = False
        self._is_full = False
        self._slice: slice | list[int] = []
        self._row = np.zeros(0)
        self._goal = np.array(position, dtype=np.float64)
        self._goal_velocity = np.zeros(len(limits))

    @property
    def end(self) -> float:
        """ROS time at which the chunk being played ends [s]; minus infinity when none is."""
        return self._chunk.end if self._chunk is not None else -math.inf

    def play(self, chunk: PlannedChunk) -> None:
        """Replace what is being played. Joints that the chunk does not name keep their set-point."""
        self._chunk = chunk
        self.is_playing = True
        self._is_exact = False
        self._is_full = chunk.columns == list(range(len(self._goal)))
        self._slice = slice(None) if self._is_full else chunk.columns
        self._row = np.zeros(len(chunk.columns))
        np.copyto(self._goal, self.setpoint.position)
        self._goal_velocity[:] = 0.0

    def drop(self) -> None:
        """Forget the chunk; the next ticks brake within the acceleration limits and then hold."""
        self._chunk = None
        self.is_playing = False

    def hold(self, position: FloatArray) -> None:
        """Forget the chunk and put the set-point at `position` (D,) [rad], at rest."""
        self.drop()
        self.setpoint.hold(position)

    def advance(self, now: float, dt: float) -> FloatArray:
        """Return the set-point (D,) [rad] for the tick from `now` to `now + dt` [s, ROS time]; the array is reused."""
        chunk = self._chunk
        if chunk is None:
            self.setpoint.brake(dt)
        elif chunk.mode is ControlMode.VELOCITY:
            self._advance_velocity(chunk, now, dt)
        else:
            self._advance_position(chunk, now, dt)
        return self.setpoint.position

    def _advance_position(self, chunk: PlannedChunk, now: float, dt: float) -> None:
        ended = now >= chunk.end - 1e-9
        if self._is_exact and not ended:
            if self._is_full:
                chunk.curve.at(max(now - chunk.start, 0.0), self._goal)
            else:
                chunk.curve.at(max(now - chunk.start, 0.0), self._row)
                self._goal[self._slice] = self._row
            self.setpoint.place(self._goal, dt)
            return
        elapsed = max(now - chunk.start, 0.0)
        chunk.curve.at(elapsed, self._row)
        self._goal[self._slice] = self._row
        if ended or len(chunk.curve.rows) == 1:
            self._goal_velocity[:] = 0.0
        else:
            chunk.curve.at(elapsed + dt, self._row)
            self._goal_velocity[self._slice] = (self._row - self._goal[self._slice]) / dt
        if chunk.is_smooth and not ended and self.setpoint.can_place(self._goal, self._goal_velocity, dt):
            self.setpoint.place(self._goal, dt)
            self._is_exact = True
            return
        arrived = self.setpoint.track(self._goal, self._goal_velocity, dt)
        if ended and arrived and not self.setpoint.velocity.any():
            self.drop()

    def _advance_velocity(self, chunk: PlannedChunk, now: float, dt: float) -> None:
        self._goal_velocity[:] = 0.0
        ended = now >= chunk.end - 1e-9
        if not ended:
            chunk.curve.at(max(now - chunk.start, 0.0), self._row)
            self._goal_velocity[self._slice] = self._row
        self.setpoint.drive(self._goal_velocity, dt)
        if ended and not self.setpoint.velocity.any():
            self.drop()

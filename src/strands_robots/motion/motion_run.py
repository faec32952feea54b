"""One motion of one robot, as a state machine: told what was seen, it says what to send. No ROS, no I/O, no threads."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.chunk import Chunk
from strands_robots.core.types import Instant, JointLimits
from strands_robots.motion.contact import ContactMonitor
from strands_robots.motion.motion_reason import MotionReason
from strands_robots.motion.path import ROW_PERIOD, JointPath, TimedPath
from strands_robots.motion.planner import PlannedMove
from strands_robots.motion.task import SETTLE_TIMEOUT
from strands_robots.motion.watch import RobotWatch

AHEAD = 0.2
"""A chunk goes on for this long before it brakes [s]; what a robot does that hears nothing more."""

RENEWAL = 0.08
"""Time between two chunks [s]."""

CORRECTION_PERIOD = 0.15
"""Time between two corrections of what gravity and friction leave [s]."""

LAST_TAKEOVER = 0.15
"""A motion that ends within this time [s] is not taken over: it comes to rest by itself."""

LATEST_TAKEOVER = 0.08
"""A motion that begins in the middle of another is given up when it is this late [s]: later the other one brakes."""

LARGEST_LAG = 0.2
"""A robot of several whose joints are where the path had them longer ago than this [s] is behind."""

_LAG_LOOKS = 9
_MOMENT = 1e-3  # [s]
_TAKEOVER_GAP = 0.02  # [rad] or [m]
_TAKEOVER_AGE = 0.05  # [s]; what the gate let through was heard some time ago
_CORRECTION_TIME = 0.02  # a correction is at most what a joint moves in this time [s] at its velocity limit
_GAIN = 0.8
_STILL = 0.02  # of the velocity limit; slower is at rest
_SETTLED_TIME = 0.05  # [s]
_BRAKE_TIMEOUT = 1.5  # [s]
_MAX_ADJUSTMENTS = 6
_HOLD_TOLERANCE = 0.1  # of the effort to hold with
_LIFETIME = 0.5  # [s]


class Phase(enum.Enum):
    """Where a motion is."""

    MOVING = "moving"
    SETTLING = "settling"
    GIVING_WAY = "giving way"


@dataclass(frozen=True)
class MotionEnding:
    """Why and how a motion ended."""

    reason: MotionReason
    message: str


class MotionRun:
    """Plays a planned path in overlapping chunks, each of which ends at rest, and corrects the end by what is measured.

    Args:
        move: The path.
        limits: Limits of all joints of the robot.
        speed: Part of the velocity limits to use.
        source: Who the chunks say that they are from, "class/name".
        contact: What tells of an obstacle or an object.
        is_reached: Tells from measured positions (D,) whether the target is reached.
        watch: What is known of the robot; fed by the owner of the run.
        next_sequence: Gives the sequence of each chunk.
        settle_timeout: Longest wait at the end of the path for the measured joints to be there [s].
        begin: ROS time at which the path begins, in motion [s]; None: with the first chunk, at rest.

    Attributes:
        ending: Why the motion ended; None while it goes on.
        phase: Where it is.
        chunks: Chunks made.
    """

    def __init__(
        self,
        move: PlannedMove,
        limits: JointLimits,
        speed: float,
        source: str,
        contact: ContactMonitor,
        is_reached: Callable[[FloatArray], bool],
        watch: RobotWatch,
        next_sequence: Callable[[], int],
        settle_timeout: float = SETTLE_TIMEOUT,
        begin: float | None = None,
    ) -> None:
        self.ending: MotionEnding | None = None
        self.phase = Phase.MOVING
        self.chunks = 0
        self._move = move
        self._columns = list(move.columns)
        self._limits = limits
        self._speed = speed
        self._source = source
        self._contact = contact
        self._is_reached = is_reached
        self._watch = watch
        self._next_sequence = next_sequence
        self._settle_timeout = settle_timeout
        self._names = tuple(limits.names[column] for column in self._columns)
        self._timed = move.timed or TimedPath(move.path, limits, self._columns, speed)
        self._due = begin
        self._begin: float | None = None  # ROS time of the path's time 0
        self._rest = move.path.points[0]  # where the last chunk ends (D',)
        self._rest_time = -math.inf  # ROS time at which it does
        self._rest_path_time = 0.0  # and the time on the path
        self._straight_until = -math.inf  # ROS time until which the last chunk goes on without braking
        self._phase_start = 0.0
        self._corrected = move.end.copy()
        self._next_correction = -math.inf
        self._reached_since: float | None = None
        self._still_since = math.inf  # ROS time since which the braked joints rest
        self._pending: MotionEnding | None = None
        self._adjustments = 0

    def end(self, reason: MotionReason, message: str) -> None:
        """End at once and say nothing more to the robot; the first reason stays."""
        if self.ending is None:
            self.ending = MotionEnding(reason, message)

    def give_way(self, reason: MotionReason, message: str) -> None:
        """Brake on the path, and end when the robot rests."""
        if self._pending is None and self.ending is None:
            self._pending = MotionEnding(reason, message)

    @property
    def pending(self) -> MotionEnding | None:
        """Why the motion brakes; None while it does not."""
        return self._pending

    @property
    def is_behind(self) -> bool:
        """Whether the measured joints are nowhere near where the path had them within the last `LARGEST_LAG`."""
        watch = self._watch
        if self._begin is None or self.phase is not Phase.MOVING or watch.stamp > self._straight_until:
            return False
        ages = np.linspace(0.0, LARGEST_LAG, _LAG_LOOKS, dtype=np.float64)
        rows = self._timed.at(np.maximum(watch.stamp - self._begin - ages, 0.0))
        # What gravity and friction may leave, as in `_correct`.
        near = _CORRECTION_TIME * self._limits.velocity[self._columns]
        away = np.abs(rows - watch.position[self._columns])
        return not bool((away <= near).all(axis=1).any())

    def hold_chunk(self) -> Chunk:
        """Return a chunk that keeps the joints where they are: it takes the lease before anything moves."""
        return self._chunk(np.tile(self._watch.commanded[self._columns], (2, 1)), self._watch.now)

    @property
    def planned_duration(self) -> float:
        """Time of the path [s], as far as it is left to plan."""
        return self._timed.duration

    @property
    def progress(self) -> float:
        """Part of the path that is done, 0 to 1."""
        if self._begin is None:
            return 0.0
        if self.phase is Phase.SETTLING:
            return 1.0
        return self._timed.parameter(max(self._watch.now.ros - self._begin, 0.0))

    def planned_at(self, stamp: float) -> FloatArray:
        """Return where the path has the joints (D',) at a ROS time [s], as far as it was sent."""
        if self._begin is None:
            return np.asarray(self._move.path.points[0])
        if self.phase is Phase.SETTLING:
            return self._move.end
        # After the straight part the chunk that was sent brakes, on the same path.
        time = min(stamp, self._straight_until) - self._begin
        return np.asarray(self._timed.at(np.array([max(time, 0.0)]))[0])

    def next_chunk(self) -> Chunk | None:
        """Return what to send at the present of the watch, if anything; sets `ending` when the motion is over."""
        if self.ending is None:
            trouble = self._watch.trouble(self._source)
            if trouble is not None:
                self.end(*trouble)
        if self.ending is not None:
            return None
        now = self._watch.now
        if self._begin is None:
            if self._pending is not None:
                self.ending = self._pending
                return None
            if self._due is not None and not self._takes_over(self._due, now):
                return None
            self._begin = now.ros if self._due is None else self._due
        if self._pending is not None and self.phase is not Phase.GIVING_WAY:
            return self._brake(now)
        if self.phase is Phase.MOVING:
            return self._move_on(now)
        return self._settle(now) if self.phase is Phase.SETTLING else self._rest_after_brake(now)

    def state_at(self, stamp: float) -> tuple[list[int], FloatArray, FloatArray] | None:
        """Return columns, set-points (D') and their velocities at a ROS time [s]; None where the path will not be under way then."""
        if (
            self._begin is None
            or self._pending is not None
            or self.phase is not Phase.MOVING
            or self.ending is not None
        ):
            return None
        time = stamp - self._begin
        if not 0.0 < time < self._timed.duration - LAST_TAKEOVER:
            return None
        before, there, after = self._timed.at(time + np.array([-_MOMENT, 0.0, _MOMENT]))
        return self._columns, there, (after - before) / (2.0 * _MOMENT)

    def _takes_over(self, due: float, now: Instant) -> bool:
        """Return whether a path that begins in motion begins now; ends where the robot is not where it was to be."""
        if now.ros < due:
            return False
        there, after = self._timed.at(now.ros - due + np.array([0.0, _MOMENT]))
        away = np.abs(self._watch.commanded[self._columns] - there)
        near = _TAKEOVER_GAP + _TAKEOVER_AGE / _MOMENT * np.abs(after - there)
        if now.ros - due > LATEST_TAKEOVER or (away > near).any():
            self.end(
                MotionReason.REFUSED,
                f"this motion was to begin in the middle of another; {now.ros - due:.2f} s after its time the set-points are "
                f"{away.max():.3f} away; the robot brakes on the other's path; valid: ask again",
            )
            return False
        return True

    def _move_on(self, now: Instant) -> Chunk | None:
        if self._check_contact():
            return self._brake(now)
        assert self._begin is not None
        is_complete = self._rest_path_time >= self._timed.duration - 1e-9
        if is_complete and now.ros >= self._rest_time:
            self._enter(Phase.SETTLING, now)
            return None
        if is_complete or now.ros < self._straight_until - AHEAD + RENEWAL - 1e-9:
            return None
        if now.ros > self._straight_until and self.chunks:
            # Too late: the robot brakes already. The rest of the path is planned anew, from where it comes to rest.
            if now.ros < self._rest_time:
                return None
            self._timed = self._timed.resumed(self._rest_path_time, self._limits, self._columns, self._speed)
            self._begin = now.ros
        return self._chunk_at(now, AHEAD)

    def _chunk_at(self, now: Instant, ahead: float) -> Chunk:
        assert self._begin is not None
        time = now.ros - self._begin
        rows, self._rest_path_time = self._timed.rows(time, ahead)
        self._straight_until = now.ros + ahead
        if self._rest_path_time >= self._timed.duration - 1e-9:  # the chunk has no brake
            self._straight_until = max(self._straight_until, self._begin + self._timed.duration)
        return self._make(rows, now)

    def _brake(self, now: Instant) -> Chunk | None:
        was_moving = self.phase is Phase.MOVING
        self._enter(Phase.GIVING_WAY, now)
        return self._chunk_at(now, 0.0) if was_moving and now.ros < self._rest_time else None

    def _settle(self, now: Instant) -> Chunk | None:
        position, velocity = self._watch.position, self._watch.velocity
        is_still = bool((np.abs(velocity[self._columns]) < _STILL * self._limits.velocity[self._columns]).all())
        if is_still and self._is_reached(position):
            if self._reached_since is None:
                self._reached_since = now.ros
            if now.ros - self._reached_since >= _SETTLED_TIME:
                self.end(MotionReason.REACHED, "the target is reached")
            return None
        self._reached_since = None
        if self._check_contact():
            return self._brake(now)
        if now.ros - self._phase_start > self._settle_timeout:
            self.give_way(
                MotionReason.NOT_REACHED,
                f"the joints did not come to the target within {self._settle_timeout:g} s after the path",
            )
            return self._brake(now)
        if not is_still or now.ros < self._next_correction:
            return None
        return self._correct(position[self._columns], now)

    def _correct(self, measured: FloatArray, now: Instant) -> Chunk:
        """Ask for a little more than the target, because gravity and friction leave the joints a little before it."""
        end, limits, columns = self._move.end, self._limits, self._columns
        most = _CORRECTION_TIME * limits.velocity[columns]
        corrected = np.clip(self._corrected + _GAIN * (end - measured), end - most, end + most)
        self._corrected = np.clip(corrected, limits.lower[columns], limits.upper[columns])
        self._next_correction = now.ros + CORRECTION_PERIOD
        return self._shift(self._corrected, now)

    def _rest_after_brake(self, now: Instant) -> Chunk | None:
        """After the brake give way to an obstacle, or hold an object with the asked effort, and end at rest."""
        assert self._pending is not None
        if now.ros < self._rest_time or now.ros < self._next_correction:
            return None
        last = self._last_setpoint()
        if last is not None and self._adjustments < _MAX_ADJUSTMENTS:
            self._adjustments += 1
            self._next_correction = now.ros + CORRECTION_PERIOD
            return self._shift(last, now)
        velocity = np.abs(self._watch.velocity[self._columns])
        if not bool((velocity < _STILL * self._limits.velocity[self._columns]).all()):
            self._still_since = math.inf  # A joint that swings back is still for an instant only.
        else:
            self._still_since = min(self._still_since, now.ros)
        if now.ros - self._still_since >= _SETTLED_TIME or now.ros - self._phase_start > _BRAKE_TIMEOUT:
            self.ending = self._pending
        return None

    def _last_setpoint(self) -> FloatArray | None:
        """Return the set-point (D',) to end with, or None to stay.

        After contact it is where the joints are, or what gives the effort to hold with: the lead of the set-point is
        changed in proportion until the measured effort is the wanted one.
        """
        assert self._pending is not None
        contact = self._contact
        if self._pending.reason is MotionReason.NOT_REACHED:
            return self._move.end if self._adjustments == 0 else None
        if self._pending.reason is not contact.reason:
            return None
        measured = self._watch.position[self._columns]
        if contact.retreats:
            return measured if self._adjustments == 0 else None
        if contact.max_effort == 0.0:
            return None
        effort = np.abs(self._watch.effort[self._columns])
        if (np.abs(effort - contact.max_effort) <= _HOLD_TOLERANCE * contact.max_effort).all():
            return None
        share = np.where(effort > 1e-6, contact.max_effort / np.maximum(effort, 1e-6), 1.0)
        held: FloatArray = measured + (self._rest - measured) * np.minimum(share, 1.5)
        return held

    def _check_contact(self) -> bool:
        """Begin to give way when a joint has met something; return whether it has."""
        watch, columns = self._watch, self._columns
        joint = self._contact.check(
            watch.stamp,
            watch.commanded[columns],
            watch.position[columns],
            watch.velocity[columns],
            watch.effort[columns],
            # After the path only its end counts: what is left of the way there is what settling is for.
            self.planned_at(watch.stamp) if self.phase is Phase.MOVING else watch.position[columns],
        )
        if joint is None:
            return False
        column = columns[joint]
        position, lag = watch.position[column], watch.commanded[column] - watch.position[column]
        words = self._contact.describe(self._names[joint], float(position), float(lag), float(watch.effort[column]))
        self.give_way(self._contact.reason, words)
        return True

    def _shift(self, end: FloatArray, now: Instant) -> Chunk:
        """Return a chunk that moves the set-point from where it rests to `end` (D',), a short way."""
        limits = self._limits
        end = np.clip(end, limits.lower[self._columns], limits.upper[self._columns])
        timed = TimedPath(JointPath(np.array([self._rest, end])), limits, self._columns, 1.0)
        rows, _ = timed.rows(0.0, timed.duration)
        return self._make(rows, now)

    def _make(self, rows: FloatArray, now: Instant) -> Chunk:
        self.chunks += 1
        self._rest = rows[-1]
        self._rest_time = now.ros + (len(rows) - 1) * ROW_PERIOD
        return self._chunk(rows, now)

    def _chunk(self, rows: FloatArray, now: Instant) -> Chunk:
        chunk = Chunk(
            source=self._source,
            sequence=self._next_sequence(),
            stamp=now.ros,
            lifetime=_LIFETIME,
            joint_names=self._names,
            values=rows,
            control_period=ROW_PERIOD,
            observation_stamp=now.ros,
        )
        self._watch.on_sent(chunk.sequence)
        return chunk

    def _enter(self, phase: Phase, now: Instant) -> None:
        self.phase = phase
        self._phase_start = now.ros

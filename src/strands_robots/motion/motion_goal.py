"""One goal of MoveTo or SetGripper: waits for the robot, plans, plays. Runs in a thread of its own; ROS-free."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

from strands_robots.control.gate import GateReport
from strands_robots.core.arrays import FloatArray
from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import MotionError, StrandsRobotsError
from strands_robots.core.stepping import WorldLink
from strands_robots.core.types import Instant, JointLimits, Observation
from strands_robots.goals.stepping import Stepping
from strands_robots.motion.motion_reason import MotionReason
from strands_robots.motion.motion_run import MotionEnding, MotionRun
from strands_robots.motion.task import MotionTask
from strands_robots.motion.watch import START_TIMEOUT, RobotWatch

LOCKSTEP_PERIOD = 0.02
"""Simulated time between two looks at the robot in a lockstep world [s]."""

_POLL = 0.02  # [s]
_CLAIM_PERIOD = 0.08  # [s]
_FEEDBACK_PERIOD = 0.1  # [s, steady time]


class MotionRobotLink(Protocol):
    """The session's way to its robot."""

    def now(self) -> Instant:
        """Return the present."""

    def send(self, chunk: Chunk) -> None:
        """Send a chunk."""

    def is_connected(self) -> bool:
        """Return whether a robot node would receive a chunk."""


class MotionSession:
    """State that the session's thread and the executor share. `on_*`, `cancel` and `end` may be called from any thread.

    Args:
        robot: Name of the robot.
        source: Who the chunks say that they are from.
        task: What is asked for.
        limits: Limits of the robot.
        now: The present.
        report_progress: Tells the client how far it is; called by the session's thread.

    Attributes:
        watch: What is known of the robot; use it while holding `changed`.
        run: The motion; None before it is planned.
        changed: Notified when something was told.
        miss: For an unreachable target, distance [m] and angle [rad] of the nearest pose found.
    """

    def __init__(
        self,
        robot: str,
        source: str,
        task: MotionTask,
        limits: JointLimits,
        now: Instant,
        report_progress: Callable[[], None],
    ) -> None:
        self.robot = robot
        self.source = source
        self.task = task
        self.watch = RobotWatch(robot, limits, now)
        self.run: MotionRun | None = None
        self.changed = threading.Condition()
        self.miss = (0.0, 0.0)
        self._limits = limits
        self._report_progress = report_progress
        self._ending: MotionEnding | None = None
        self._began: float | None = None
        self._last_feedback = 0.0
        self._handover: tuple[float, str] | None = None
        self._claimed = -math.inf

    @property
    def ending(self) -> MotionEnding | None:
        """Why the goal ended; None while it goes on."""
        return self._ending or (self.run.ending if self.run is not None else None)

    @property
    def why_it_ends(self) -> MotionEnding | None:
        """Why the goal ended, or will end once the robot has braked; None while it goes on."""
        return self.ending or (self.run.pending if self.run is not None else None)

    @property
    def elapsed(self) -> float:
        """ROS time since the start of the path [s]."""
        return 0.0 if self._began is None else max(self.watch.now.ros - self._began, 0.0)

    def on_observation(self, observation: Observation, now: Instant) -> None:
        """Take a measurement."""
        with self.changed:
            self.watch.now = now
            self.watch.on_observation(observation)
            self.changed.notify_all()

    def on_gate(self, report: GateReport, now: Instant) -> None:
        """Take the gate's state."""
        with self.changed:
            self.watch.now = now
            self.watch.on_gate(report)
            self.changed.notify_all()

    def on_applied(self, source: str, sequence: int, joint_names: tuple[str, ...], values: FloatArray) -> None:
        """Take what the gate let through."""
        with self.changed:
            self.watch.on_applied(source, sequence, dict(zip(joint_names, values.tolist())))
            self.changed.notify_all()

    def cancel(self, message: str) -> None:
        """Brake, and end when the robot rests; before motion at once."""
        self.brake(MotionReason.CANCELLED, message)

    def brake(self, reason: MotionReason, message: str) -> None:
        """Brake for a reason, and end when the robot rests; before motion at once."""
        with self.changed:
            if self.run is None:
                self.end(reason, message)
            else:
                self.run.give_way(reason, message)
            self.changed.notify_all()

    def end(self, reason: MotionReason, message: str) -> None:
        """End at once; the first reason stays."""
        with self.changed:
            if self.ending is None:
                self._ending = MotionEnding(reason, message)
            self.changed.notify_all()

    def state_at(self, stamp: float) -> tuple[FloatArray, FloatArray] | None:
        """Return set-points (D,) and their velocities at a ROS time [s]; None where the motion will not be under way then."""
        with self.changed:
            state = self.run.state_at(stamp) if self.run is not None else None
            if state is None:
                return None
            columns, there, velocity = state
            position, velocities = self.watch.commanded.copy(), np.zeros(len(self._limits))
            position[columns], velocities[columns] = there, velocity
            return position, velocities

    def hand_over(self, stamp: float, message: str) -> None:
        """End at a ROS time [s] without braking: another motion goes on from there. Its last chunk brakes by itself if none does."""
        with self.changed:
            self._handover = stamp, message
            self.changed.notify_all()

    def fail(self, message: str) -> None:
        """End as world_failed; the first reason stays."""
        self.end(MotionReason.WORLD_FAILED, message)

    def refuse(self, message: str) -> None:
        """End as refused; the first reason stays."""
        self.end(MotionReason.REFUSED, message)

    @property
    def at(self) -> Instant:
        """The time of the latest measurement, for a world that advances only when it is stepped."""
        return Instant(self.watch.stamp, time.monotonic())

    def judge(self) -> bool:
        """Return whether the goal has ended, after a look at all that it was told."""
        self.look(self.at)
        return self.ending is not None

    def look(self, now: Instant) -> bool:
        """Return whether the robot is heard and free; sets `ending` when it cannot move."""
        with self.changed:
            self.watch.now = now
            trouble = self.watch.trouble(self.source)
            if trouble is not None:
                self.end(*trouble)
            return self.watch.is_ready and not self.watch.is_taken(self.source)

    def prepare(self) -> None:
        """Plan the motion; takes milliseconds to seconds, in which nothing is locked."""
        with self.changed:
            state = self.watch.position.copy(), self.watch.effort.copy(), self.watch.commanded.copy()
        try:
            plan = self.task.plan(*state)
        except MotionError as error:
            self.miss = error.miss
            self.end(MotionReason(error.reason), str(error))
            return
        except StrandsRobotsError as error:
            self.end(MotionReason.INVALID_GOAL, str(error))
            return
        if plan.begin is None and self._has_moved(state[2], plan.start_tolerance):
            return
        sequence = time.time_ns()

        def next_sequence() -> int:
            nonlocal sequence
            sequence = max(sequence + 1, time.time_ns())
            return sequence

        with self.changed:
            self.run = MotionRun(
                plan.move,
                self._limits,
                self.task.speed,
                self.source,
                plan.contact,
                plan.is_reached,
                self.watch,
                next_sequence,
                plan.settle_timeout,
                plan.begin,
            )

    def _has_moved(self, planned_from: FloatArray, tolerance: float) -> bool:
        """End where the set-points (D,) are no longer those that were planned from, and the way there was not checked."""
        with self.changed:
            away = np.abs(self.watch.commanded - planned_from)
            if away.max(initial=0.0) <= tolerance:
                return False
            joint = self._limits.names[int(away.argmax())]
            self.end(
                MotionReason.REFUSED,
                f"'{joint}' was moved by {away.max():.4f} while the motion was planned; valid: a robot that rests meanwhile",
            )
            return True

    def claim(self, now: Instant) -> Chunk | None:
        """Return a chunk that holds the robot where it is and takes its lease, if it is time for one; call after `prepare`."""
        with self.changed:
            self.watch.now = now
            trouble = self.watch.trouble(self.source)
            if trouble is not None:
                self.end(*trouble)
            is_due = now.ros - self._claimed >= _CLAIM_PERIOD
            if self.run is None or self.ending is not None or self.watch.is_played or not is_due:
                return None
            self._claimed = now.ros
            return self.run.hold_chunk()

    def next_chunk(self, now: Instant) -> Chunk | None:
        """Return what to send at `now`, if anything; call after `prepare`."""
        with self.changed:
            self.watch.now = now
            if self._handover is not None and now.ros >= self._handover[0]:
                self.end(MotionReason.CANCELLED, self._handover[1])
            if self.run is None or self.ending is not None:
                return None
            if self._began is None:
                self._began = now.ros
            chunk = self.run.next_chunk()
        if time.monotonic() - self._last_feedback > _FEEDBACK_PERIOD:
            self._last_feedback = time.monotonic()
            self._report_progress()
        return chunk


def run_realtime(session: MotionSession, link: MotionRobotLink) -> None:
    """Carry a goal out on a robot that moves in its own time, until it has an ending."""
    last = link.now().steady + START_TIMEOUT
    with session.changed:
        while not (session.look(link.now()) and link.is_connected()) and session.ending is None:
            if link.now().steady > last:
                session.end(MotionReason.REFUSED, f"no subscriber to {session.robot}/action_chunk")
            session.changed.wait(_POLL)
    if session.ending is None:
        session.prepare()
    while session.ending is None:
        chunk = session.next_chunk(link.now())
        if chunk is not None:
            link.send(chunk)
        with session.changed:
            if session.ending is None:
                session.changed.wait(_POLL)


def run_lockstep(session: MotionSession, world: WorldLink, client: str) -> None:
    """Carry a goal out by stepping the world, until it has an ending. Stepping is given up at the end."""
    stepping = Stepping(session, world, client)
    try:
        control_period = stepping.begin()
        if control_period > 0.0:
            # One step: what the gate let through last may be older than a reset of the world.
            stepping.step(1, None)
            with session.changed:
                session.changed.wait_for(lambda: session.watch.is_ready or session.ending is not None, START_TIMEOUT)
            if not session.judge() and not session.watch.is_ready:
                session.end(MotionReason.OBSERVATION_LOST, f"no {session.robot}/gate_state within {START_TIMEOUT} s")
        if session.ending is None:
            session.prepare()
        steps = max(round(LOCKSTEP_PERIOD / control_period), 1) if control_period > 0.0 else 0
        while session.ending is None:
            chunk = session.next_chunk(session.at)
            if session.ending is None:
                stepping.step(steps, chunk)
    except StrandsRobotsError as error:
        session.fail(str(error))
    finally:
        stepping.end()

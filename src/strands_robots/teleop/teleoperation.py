"""Teleoperation of one robot: when a person has it, and what it is told then. ROS-free; no I/O.

The input's thread brings frames, the executor what is heard of the robot, a third thread asks for the next chunk. What takes long
(inverse kinematics) is done without the lock.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from strands_robots.control.gate import GateReport
from strands_robots.control.lease import source_class
from strands_robots.core.arrays import FloatArray
from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import StrandsRobotsError
from strands_robots.core.types import Instant, JointLimits, Observation
from strands_robots.teleop.frame import BadFrameError, BadInput, FrameCheck, InputFrame, TeleopMode
from strands_robots.teleop.mover import Mover
from strands_robots.teleop.reference import Reference
from strands_robots.teleop.teleop_options import TeleopOptions

SILENCE = 0.5
"""A robot that is not heard for this long is not commanded [s, steady time]."""

PLAY_TIMEOUT = 0.6
"""Chunks of which none is played for this long were refused or lost [s, steady time]."""

MOVES = 0.05
"""A measured velocity below this is rest [rad/s] or [m/s]: position servos shake."""

_FRAMES_FOR_RATE = 32


class EngageError(StrandsRobotsError):
    """The robot cannot be engaged now; says why."""


@dataclass(frozen=True)
class TeleopReport:
    """What teleoperation does; the fields of msg/TeleopState."""

    robot: str
    source: str
    leader: str
    mode: TeleopMode
    engaged: bool
    message: str
    speed: float
    stamp: float
    input_rate: float
    input_age: float
    frames: int
    bad_frames: dict[str, int]
    refused_steps: int


@dataclass
class _TeleoperatedRobot:
    """What is heard of the robot; arrays (D,) in joint order."""

    stamp: float = -math.inf
    heard: float = -math.inf
    velocity: FloatArray = field(default_factory=lambda: np.zeros(0))
    commanded: FloatArray | None = None
    report: GateReport | None = None
    played: float = -math.inf


class Teleop:
    """One robot and one leader.

    Args:
        robot: Name of the robot.
        leader: Kind of the leader, for people.
        has_dead_man: The leader has a switch that must be held; else `engage` decides.
        limits: The robot's joints.
        mover: Turns frames into goals; used by the thread that calls `step` only.
        options: Options.
    """

    def __init__(
        self, robot: str, leader: str, has_dead_man: bool, limits: JointLimits, mover: Mover, options: TeleopOptions
    ) -> None:
        self.robot = robot
        self.leader = leader
        self.has_dead_man = has_dead_man
        self.options = options
        self._limits = limits
        self._mover = mover
        self._reference = Reference(limits, options.period, options.handover_speed)
        self._lock = threading.Lock()
        self._check = FrameCheck(limits, options.max_age)
        self._robot = _TeleoperatedRobot(velocity=np.zeros(len(limits)))
        self._frame: InputFrame | None = None
        self._stamps: deque[float] = deque(maxlen=_FRAMES_FOR_RATE)
        self._is_asked = False
        self._must_let_go = has_dead_man  # A switch that is held from the start engages nothing.
        self._is_engaged = False
        self._since = 0.0
        self._message = "nothing is heard of the robot yet"
        self._input_message = ""
        self._speed = options.speed
        self._mode = TeleopMode.JOINTS
        self._sequence = time.time_ns()

    @property
    def is_engaged(self) -> bool:
        """True while the robot is told what to do."""
        return self._is_engaged

    @property
    def speed(self) -> float:
        """Part of the speeds that is used."""
        return self._speed

    def set_speed(self, speed: float) -> None:
        """Use this part of the speeds, kept within 0.05 to 1; from any thread."""
        self._speed = min(max(speed, 0.05), 1.0)

    def engage(self, wanted: bool, now: float) -> None:
        """Take the robot, or let it go; for leaders without a dead-man switch, letting go for all. From any thread.

        Raises:
            EngageError: If it cannot be taken now; says why.
        """
        with self._lock:
            if not wanted:
                self._let_go("let go by request")
                self._must_let_go = True
                return
            if self.has_dead_man:
                raise EngageError(
                    f"leader '{self.leader}' is engaged by its own dead-man switch; valid: hold it, or engage false to release the robot"
                )
            trouble = self._trouble(now)
            if trouble:
                raise EngageError(trouble)
            self._is_asked, self._must_let_go = True, False

    def on_frame(self, frame: InputFrame) -> None:
        """Take a frame of the leader; a bad one is counted, named and not used."""
        with self._lock:
            try:
                self._check.check(frame, time.monotonic())
            except BadFrameError as error:
                self._input_message = str(error)
                return
            self._input_message = ""
            self._stamps.append(frame.stamp)
            self._frame = frame

    def on_bad(self, reason: BadInput, message: str) -> None:
        """Take that a frame could not be made."""
        with self._lock:
            self._check.count(reason)
            self._input_message = message

    def on_observation(self, observation: Observation, now: Instant) -> None:
        """Take a measurement."""
        with self._lock:
            known = self._robot
            if observation.stamp < known.stamp - 1e-9:
                self._let_go("ROS time went back: the world was reset")
                self._must_let_go = True
            known.stamp, known.heard = observation.stamp, now.steady
            index = self._limits.index
            for i, name in enumerate(observation.joint_names):
                if name in index:
                    known.velocity[index[name]] = observation.velocity[i]

    def on_gate(self, report: GateReport, now: Instant) -> None:
        """Take the gate's state."""
        with self._lock:
            self._robot.report = report

    def on_applied(self, source: str, sequence: int, joint_names: tuple[str, ...], values: FloatArray) -> None:
        """Take what the gate let through."""
        with self._lock:
            known = self._robot
            commanded = np.zeros(len(self._limits)) if known.commanded is None else known.commanded.copy()
            for name, value in zip(joint_names, values.tolist()):
                if name in self._limits.index:
                    commanded[self._limits.index[name]] = value
            known.commanded = commanded
            if source == self.options.source:
                known.played = time.monotonic()

    def step(self, now: float) -> Chunk | None:
        """Return the next chunk, or None while the robot is not engaged. Belongs to one thread.

        Args:
            now: Present [s, steady time].
        """
        with self._lock:
            was_engaged = self._is_engaged
            self._decide(now)
            frame, commanded, stamp = self._frame, self._robot.commanded, self._robot.stamp
            velocity, speed = self._robot.velocity.copy(), self._speed
            if not self._is_engaged or frame is None or commanded is None:
                return None
        if not was_engaged:
            velocity[np.abs(velocity) < MOVES] = 0.0
            self._mover.begin(commanded, frame)
            self._reference.begin(commanded, velocity, speed, now)
        goal = self._mover.goal(frame, speed)
        rows = self._reference.follow(goal, speed, now)
        with self._lock:
            self._mode = self._mover.mode
            self._message = self._mover.message
            self._sequence = max(self._sequence + 1, time.time_ns())
            sequence = self._sequence
        return Chunk(
            self.options.source, sequence, stamp, self.options.lifetime, self._limits.names, rows,
            control_period=self.options.period,
        )  # fmt: skip

    def report(self, now: float) -> TeleopReport:
        """Return what goes on, for people and programs."""
        with self._lock:
            frame, stamps = self._frame, self._stamps
            span = stamps[-1] - stamps[0] if len(stamps) > 1 else 0.0
            is_fresh = frame is not None and now - frame.stamp <= self.options.max_age
            message = self._message or self._input_message
            if not self._is_engaged:
                message = self._trouble(now) or message
                if self._must_let_go and self.has_dead_man:
                    message = f"{message}; release the switch, then hold it again"
            return TeleopReport(
                robot=self.robot,
                source=self.options.source,
                leader=self.leader,
                mode=self._mode if self._is_engaged or frame is None else frame.mode,
                engaged=self._is_engaged,
                message=message,
                speed=self._speed,
                stamp=max(self._robot.stamp, 0.0),
                input_rate=(len(stamps) - 1) / span if is_fresh and span > 0.0 else 0.0,
                input_age=now - frame.stamp if frame is not None else -1.0,
                frames=self._check.good,
                bad_frames={reason.value: count for reason, count in sorted(self._check.bad.items())},
                refused_steps=self._mover.refused,
            )

    def _decide(self, now: float) -> None:
        """Take the robot or let it go; the caller holds the lock."""
        frame = self._frame
        if frame is None:
            return
        is_held = frame.is_held if self.has_dead_man else self._is_asked
        if not is_held:
            self._must_let_go = False
            if self._is_engaged:
                self._let_go("")
            return
        trouble = self._trouble(now)
        if trouble:
            self._let_go(trouble)
            self._must_let_go = True
        elif not self._is_engaged and not self._must_let_go:
            self._is_engaged, self._since, self._message = True, now, ""
            self._robot.played = now

    def _let_go(self, message: str) -> None:
        """Say nothing more to the robot: the last chunk ends at rest. The caller holds the lock."""
        self._is_asked = False
        self._message = message
        if self._is_engaged:
            self._is_engaged = False
            self._check.restart()

    def _trouble(self, now: float) -> str:
        """Return why the robot cannot be moved now; empty when it can. The caller holds the lock."""
        known, frame, source = self._robot, self._frame, self.options.source
        report = known.report
        if frame is None:
            return f"leader '{self.leader}' says nothing" + (f": {self._input_message}" if self._input_message else "")
        if now - frame.stamp > self.options.max_age:
            return (
                f"no usable frame of leader '{self.leader}' for {now - frame.stamp:.2f} s; valid: one each "
                f"{self.options.max_age:g} s" + (f" ({self._input_message})" if self._input_message else "")
            )
        if report is None or known.commanded is None or not math.isfinite(known.stamp) or now - known.heard > SILENCE:
            return f"nothing is heard of '{self.robot}'"
        if report.latched:
            return (
                f"'{self.robot}' is stopped: {report.latch_reason or 'no reason given'}; valid: strands-robots resume"
            )
        holder = report.lease_holder
        if holder not in ("", source) and source_class(holder).priority >= source_class(source).priority:
            return f"'{holder}' holds '{self.robot}'"
        if self._is_engaged and now - known.played > PLAY_TIMEOUT:
            return f"chunks are not played; the gate's last refusal: {report.last_refusal or 'none'}"
        return ""

"""What a motion knows of its robot: measurements, what the gate let through, what the gate says. ROS-free; no I/O."""

from __future__ import annotations

import math

import numpy as np

from strands_robots.control.gate import GateReport
from strands_robots.control.latch_advice import latch_advice
from strands_robots.control.lease import source_class
from strands_robots.core.arrays import FloatArray
from strands_robots.core.types import Instant, JointLimits, Observation
from strands_robots.motion.motion_reason import MotionReason

START_TIMEOUT = 3.0
"""Longest wait for a robot to be heard at all [s, steady time]."""

LEASE_WAIT = 1.0
"""Longest wait for the robot to be let go by another source [s, steady time]."""

OBSERVATION_TIMEOUT = 0.5
"""A measurement older than this [s] ends a motion."""

PLAY_TIMEOUT = 0.5
"""A chunk that is not played within this time [s, ROS time] was refused or lost."""

_EARLY_REFUSAL = 0.25  # [s] a refusal that the gate counted needs no longer wait than this


class RobotWatch:
    """State of one robot as its topics tell it; arrays (D,) in joint order.

    Args:
        robot: Its name.
        limits: Its joints.
        now: The present.

    Attributes:
        now: The present, as the owner last said.
        stamp: ROS time of the last measurement [s].
        position, velocity, effort: Last measurement [rad], [rad/s], [Nm].
        commanded: Set-points that the gate let through last [rad]; the measured positions before the first.
        report: Last state of the gate; None before the first.
    """

    def __init__(self, robot: str, limits: JointLimits, now: Instant) -> None:
        self.robot = robot
        self.now = now
        self.stamp = -math.inf
        self.position: FloatArray = np.zeros(len(limits))
        self.velocity: FloatArray = np.zeros(len(limits))
        self.effort: FloatArray = np.zeros(len(limits))
        self.commanded: FloatArray = np.zeros(len(limits))
        self.report: GateReport | None = None
        self._limits = limits
        self._begin = now
        self._heard = now.steady
        self._is_commanded = False
        self._went_back = ""
        self._played = False
        self._holder = ""
        self._sent: list[tuple[int, float]] = []
        self._refusals_before = 0

    @property
    def is_ready(self) -> bool:
        """True when joints, gate and set-points have all been heard."""
        return math.isfinite(self.stamp) and self.report is not None and self._is_commanded

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Names of the joints, in the order of the arrays."""
        return self._limits.names

    @property
    def is_played(self) -> bool:
        """True when the gate has let a chunk of this motion through."""
        return self._played

    def on_observation(self, observation: Observation) -> None:
        """Take a measurement; joints that it does not name keep their last values."""
        if observation.stamp < self.stamp - 1e-9:
            self._went_back = f"ROS time went back from {self.stamp:.3f} s to {observation.stamp:.3f} s"
        self.stamp = observation.stamp
        self._heard = self.now.steady
        index = self._limits.index
        columns = [(index[name], i) for i, name in enumerate(observation.joint_names) if name in index]
        into, out = [c for c, _ in columns], [i for _, i in columns]
        self.position[into] = observation.position[out]
        self.velocity[into] = observation.velocity[out]
        self.effort[into] = observation.effort[out]

    def on_applied(self, source: str, sequence: int, commanded: dict[str, float]) -> None:
        """Take what the gate let through."""
        self._is_commanded = True
        for name, value in commanded.items():
            if name in self._limits.index:
                self.commanded[self._limits.index[name]] = value
        self._holder = source
        if any(number == sequence for number, _ in self._sent):
            self._played = True
            self._sent = [entry for entry in self._sent if entry[0] > sequence]

    def on_gate(self, report: GateReport) -> None:
        """Take the gate's state."""
        self.report = report
        self._heard = self.now.steady

    def on_sent(self, sequence: int) -> None:
        """Note that a chunk goes out now."""
        if not self._sent and self.report is not None and not self._played:
            self._refusals_before = sum(self.report.refusals.values())
        self._sent.append((sequence, self.now.ros))

    def is_taken(self, source: str) -> bool:
        """Return whether another source holds the robot, that `source` cannot take it from, and it is worth waiting.

        A lease outlives its motion by half a second. After the wait the gate is asked anyway, and says who holds it.
        """
        holder = self.report.lease_holder if self.report is not None else ""
        if holder in ("", source) or self.now.steady - self._begin.steady > LEASE_WAIT:
            return False
        return source_class(holder).priority >= source_class(source).priority

    def trouble(self, source: str) -> tuple[MotionReason, str] | None:
        """Return why a motion of `source` cannot go on, or None."""
        now, report = self.now, self.report
        if self._went_back:
            return MotionReason.WORLD_FAILED, self._went_back
        if report is not None and report.latched:
            return MotionReason.STOPPED, f"'{self.robot}' is latched: {latch_advice(report.latch_reason)}"
        if not self.is_ready or report is None:
            if now.steady - self._begin.steady <= START_TIMEOUT:
                return None
            missing = (
                "joint_states"
                if not math.isfinite(self.stamp)
                else "gate_state"
                if report is None
                else "command_applied"
            )
            return MotionReason.OBSERVATION_LOST, f"no {self.robot}/{missing} within {START_TIMEOUT} s"
        age, silence = now.ros - self.stamp, now.steady - self._heard
        if age > OBSERVATION_TIMEOUT:
            return (
                MotionReason.OBSERVATION_LOST,
                f"the last joint_states are {age:.2f} s old; valid: up to {OBSERVATION_TIMEOUT} s",
            )
        if silence > 2.0 * OBSERVATION_TIMEOUT:
            return MotionReason.OBSERVATION_LOST, f"nothing has been heard of '{self.robot}' for {silence:.2f} s"
        return self._refused(source, report)

    def _refused(self, source: str, report: GateReport) -> tuple[MotionReason, str] | None:
        now = self.now
        if self._played and self._holder not in ("", source):
            return MotionReason.REFUSED, f"'{self._holder}' took the robot over"
        if not self._sent:
            return None
        waiting = now.ros - self._sent[0][1]
        is_counted = sum(report.refusals.values()) > self._refusals_before
        if waiting > PLAY_TIMEOUT or (is_counted and waiting > _EARLY_REFUSAL):
            why = (
                f"the gate's last refusal: {report.last_refusal}"
                if is_counted
                else "the gate counted no refusal: were they lost?"
            )
            if self._played and report.lease_holder not in ("", source):
                return MotionReason.REFUSED, f"'{report.lease_holder}' took the robot over; {why}"
            return MotionReason.REFUSED, f"chunks of '{source}' are not played; {why}"
        return None

"""Observations, gate reports and a robot that follows chunks exactly; for the tests of policies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from strands_robots.control.gate import GateReport
from strands_robots.core.arrays import FloatArray
from strands_robots.core.chunk import Chunk
from strands_robots.core.types import Instant, JointLimits, Observation, StopCategory

NAMES = ("shoulder_pan", "elbow_flex")

REPORT = GateReport(
    robot="arm",
    session="s",
    latched=False,
    latch_reason="",
    arm_epoch=1,
    stop_category=StopCategory.CONTROLLED_AND_HOLD,
    torque_enabled=True,
    lease_holder="",
    playing=False,
    at_rest=True,
    max_velocity=0.0,
    accepted=0,
    clamped=0,
)

LIMITS = JointLimits(
    NAMES, np.array([-1.0, -2.0]), np.array([1.0, 2.0]), np.full(2, 5.0), np.full(2, np.inf), np.ones(2)
)


def at(ros: float, steady: float | None = None) -> Instant:
    return Instant(ros, ros if steady is None else steady)


def observe(stamp: float, *position: float, names: tuple[str, ...] = NAMES) -> Observation:
    values = np.array(position if position else [0.0] * len(names))
    return Observation(stamp, names, values, np.zeros(len(names)), np.zeros(len(names)))


class FollowingRobot:
    """Takes every chunk and is where the chunk says; refuses when told to."""

    def __init__(self, *position: float) -> None:
        self.position: FloatArray = np.array(position if position else [0.0] * len(NAMES))
        self.chunks: list[Chunk] = []
        self.report = REPORT
        self.refusal = ""

    def take(self, chunk: Chunk) -> bool:
        """Return whether the chunk is accepted."""
        if self.refusal:
            count = self.report.refusals.get("limit", 0) + 1
            self.report = replace(self.report, refusals={"limit": count}, last_refusal=self.refusal)
            return False
        self.chunks.append(chunk)
        return True

    def at(self, now: float) -> FloatArray:
        """Return where it is at `now` [s, ROS time]."""
        if self.chunks:
            chunk = self.chunks[-1]
            start = chunk.stamp if chunk.observation_stamp is None else chunk.observation_stamp
            row = int(np.clip((now - start) / (chunk.control_period or 1.0), 0, len(chunk.values) - 1))
            for joint, value in zip(chunk.joint_names, chunk.values[row]):
                self.position[NAMES.index(joint)] = value
        return self.position.copy()

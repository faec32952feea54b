"""A gate with supervision, an arm that can be held, and a clock that can jump."""

from __future__ import annotations

from typing import Any

import numpy as np

from strands_robots.control.supervision import Supervision
from strands_robots.control.tool_chain import ChainJoint, ToolChain
from strands_robots.description.supervision_config import LimitsConfig

from .gates import DT, Bench, limits

UPPER, FORE = 0.3, 0.2
"""Lengths of the test arm's links [m]; it moves in the plane z = 0.1, both joints turn about z."""

TRACKING = {"time": 0.3, "error": {"shoulder": 0.2, "elbow": 0.2, "gripper": None}}
CONTACT = {"force": 30.0, "time": 0.05, "fingers": ["jaw"], "finger_force": 60.0}


def chain() -> ToolChain:
    """Kinematics of the test arm: shoulder at the origin, elbow, tool; the gripper does not move the tool."""
    z, none = np.array([0.0, 0.0, 1.0]), np.eye(3)
    return ToolChain(
        [
            ChainJoint(None, none, np.array([0.0, 0.0, 0.1]), z),
            ChainJoint(0, none, np.zeros(3), z),
            ChainJoint(1, none, np.array([UPPER, 0.0, 0.0]), z),
        ],
        np.array([FORE, 0.0, 0.0]),
        3,
    )


def tool(position: Any) -> np.ndarray:
    """Where the tool is (3,) [m], by school geometry."""
    first, second = position[0], position[0] + position[1]
    return np.array([
        UPPER * np.cos(first) + FORE * np.cos(second), UPPER * np.sin(first) + FORE * np.sin(second), 0.1,
    ])  # fmt: skip


class WatchedArm(Bench):
    """An armed bench whose gate is supervised.

    Attributes:
        held: Joint -> position at which something holds it [rad].
        most: Largest speed of a set-point so far [rad/s].
    """

    def __init__(self, measures: tuple[str, ...] = ("contact", "temperature", "current"), **section: Any) -> None:
        super().__init__(handover_speed=1.0)
        self.held: dict[int, float] = {}
        self.most = 0.0
        self.watch = Supervision(LimitsConfig.model_validate(section), limits(), DT, chain(), measures)
        self.gate.supervision = self.watch
        self.cool()
        self.arm()

    @property
    def alarm(self) -> str:
        """Kind of the alarm in the gate's report; empty without."""
        return self.gate.report(self.now).alarm

    def cool(self, temperature: float = 30.0, current: float = 0.5) -> None:
        """Give every drive these readings, made now."""
        readings = self.gate.readings
        readings.temperature[:], readings.current[:] = temperature, current
        readings.temperature_time = readings.current_time = self.steady

    def tick(self, dt: float = DT) -> Any:
        before = self.gate.report(self.now)
        last = self.position.copy()
        setpoint = super().tick(dt)
        if not before.latched:
            self.most = max(
                self.most, float(np.abs(setpoint.target - last)[[j for j in range(3) if j not in self.held]].max()) / dt
            )
        for joint, position in self.held.items():
            self.position[joint], self.velocity[joint] = position, 0.0
        return setpoint

"""A robot with a real gate and no body, in the test's own process: what safety_node sees of a robot."""

from __future__ import annotations

import time

import numpy as np
from graph import Client
from rclpy.clock import Clock, ClockType
from strands_robots.msg import GateState

from strands_robots.control.gate import Gate, GateConfig, GateReport
from strands_robots.core.types import Instant, JointLimits
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.conversions import gate_state_to_msg
from strands_robots.ros.robot.safety_subscriber import SafetySubscriber

LIMITS = JointLimits(("joint",), np.array([-1.0]), np.array([1.0]), np.ones(1), np.ones(1), np.ones(1))


class GatedRobot:
    """Publishes gate_state at 50 Hz.

    Attributes:
        speed: Velocity that its joint reports [rad/s].
        is_silent: True while it publishes nothing.
    """

    def __init__(
        self, client: Client, name: str = "arm", topic: str = "", session: str = "first", is_silent: bool = False
    ) -> None:
        # This process also runs the test: it may lose a heartbeat, and that is not what is tested.
        self.gate = Gate(GateConfig(name, session, heartbeat_timeout=1.0), LIMITS, np.zeros(1))
        self.speed = 0.0
        self.is_silent = is_silent
        self._publisher = client.create_publisher(GateState, topic or f"{name}/gate_state", qos.STATE)
        SafetySubscriber(client, [self.gate], self._now)
        client.create_timer(0.02, self._tick, clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def is_latched(self) -> bool:
        return self.gate.is_latched

    def report(self) -> GateReport:
        return self.gate.report(self._now())

    def _now(self) -> Instant:
        return Instant(time.monotonic(), time.monotonic())

    def _tick(self) -> None:
        now = self._now()
        self.gate.tick(now, 0.02, np.zeros(1), np.full(1, self.speed))
        if not self.is_silent:
            self._publisher.publish(gate_state_to_msg(self.report(), now.ros))

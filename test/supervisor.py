"""A supervisor in the test's own process: heartbeats that the test arms, stops and silences."""

from __future__ import annotations

import threading
import time
import uuid

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from strands_robots.msg import GateState, RobotSafety, SafetyState

from strands_robots.ros.messages import qos

BEAT = 0.05


class TestSupervisor:
    """Publishes safety/state at 20 Hz for one robot, armed or stopped as the test says."""

    __test__ = False

    def __init__(self, node: Node, robot: str) -> None:
        self.robot = robot
        self.is_armed = False
        self.is_silent = False
        self.epoch = 0
        self.admitted = ""
        self.latch_count = 0
        self.stop_id = 1
        self.last_gate: GateState | None = None
        self._session = uuid.uuid4().hex
        self._sequence = 0
        self._lock = threading.Lock()
        self._publisher = node.create_publisher(SafetyState, "safety/state", qos.SAFETY)
        node.create_subscription(GateState, f"{robot}/gate_state", self._on_gate, qos.STATE)
        node.create_timer(BEAT, self.beat, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def arm(self) -> None:
        """Arm the session that is heard, with a new epoch, once it reported that it heard the stop."""
        deadline = time.monotonic() + 2.0
        while not self._is_stop_heard() and time.monotonic() < deadline:
            time.sleep(0.005)
        with self._lock:
            self.epoch = max(self.epoch, self.last_gate.arm_epoch if self.last_gate else 0) + 1
            self.admitted = self.last_gate.session if self.last_gate else ""
            self.latch_count = self.last_gate.latch_count if self.last_gate else 0
            self.is_armed = True

    def disarm(self) -> None:
        with self._lock:
            self.stop_id += self.is_armed
            self.is_armed = False

    def beat(self) -> None:
        """Send one heartbeat."""
        with self._lock:
            if self.is_silent:
                return
            self._sequence += 1
            message = SafetyState(
                run_id="test",
                session=self._session,
                sequence=self._sequence,
                arm_epoch=self.epoch,
                state=SafetyState.ARMED if self.is_armed else SafetyState.STOPPED,
                stop_reason="" if self.is_armed else "test",
                stop_id=self.stop_id,
                robots=[RobotSafety(robot=self.robot, session=self.admitted, latch_count=self.latch_count)],
            )
            seconds = time.time()
            message.header.stamp.sec, message.header.stamp.nanosec = int(seconds), int(seconds % 1.0 * 1e9)
            self._publisher.publish(message)

    def _is_stop_heard(self) -> bool:
        gate = self.last_gate
        return gate is not None and (gate.stop_session, gate.stop_id) == (self._session, self.stop_id)

    def _on_gate(self, message: GateState) -> None:
        self.last_gate = message

"""What is heard of one robot while a goal runs, and where its chunks go."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import JointState

from strands_robots.control.gate import GateReport
from strands_robots.core.arrays import FloatArray
from strands_robots.core.chunk import Chunk
from strands_robots.core.types import Instant, Observation
from strands_robots.msg import ActionChunk, GateState, JointCommand
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.conversions import chunk_to_msg, gate_report_from_msg, observation_from_joint_state
from strands_robots.ros.process.polled_clock import ros_time


class RobotListener(Protocol):
    """Who is told."""

    def on_observation(self, observation: Observation, now: Instant) -> None:
        """Take a measurement."""

    def on_gate(self, report: GateReport, now: Instant) -> None:
        """Take the gate's state."""

    def on_applied(self, source: str, sequence: int, joint_names: tuple[str, ...], values: FloatArray) -> None:
        """Take what the gate let through."""


class RobotSubscriber:
    """Feeds a listener from the robot's topics and publishes its chunks. Made and closed by the executor's thread.

    In lockstep only the gate is listened to: measurements come with the answers of world/step.

    Args:
        node: The node; its namespace is the graph's.
        robot: Name of the robot.
        listener: Who is told.
        lockstep: True for a goal that steps its world.
    """

    def __init__(self, node: Node, robot: str, listener: RobotListener, *, lockstep: bool) -> None:
        self._node = node
        self._listener = listener
        self._ros = 0.0
        self._publisher = node.create_publisher(ActionChunk, f"{robot}/action_chunk", qos.COMMAND)
        topics: list[tuple[Any, str, Callable[[Any], None], Any]] = [
            (GateState, "gate_state", self._on_gate, qos.STATE)
        ]
        if not lockstep:
            topics += [
                (JointState, "joint_states", self._on_joint_state, qos.STATE),
                (JointCommand, "command_applied", self._on_applied, qos.COMMAND),
            ]
        self._subscriptions = [
            node.create_subscription(kind, f"{robot}/{name}", take, profile) for kind, name, take, profile in topics
        ]

    def now(self) -> Instant:
        """Return the present. ROS time is at least the newest measurement's stamp: /clock may come a little later."""
        return Instant(max(ros_time(self._node), self._ros), time.monotonic())

    def send(self, chunk: Chunk, latency: float = 0.0) -> None:
        """Publish a chunk that took `latency` [s] to infer."""
        self._publisher.publish(chunk_to_msg(chunk, latency))

    def is_connected(self) -> bool:
        """Return whether a robot node listens to the chunks."""
        return bool(self._publisher.get_subscription_count() > 0)

    def close(self) -> None:
        """Stop listening."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._node.destroy_publisher(self._publisher)

    def _on_joint_state(self, message: JointState) -> None:
        observation = observation_from_joint_state(message)
        self._ros = observation.stamp
        self._listener.on_observation(observation, self.now())

    def _on_gate(self, message: GateState) -> None:
        self._listener.on_gate(gate_report_from_msg(message), self.now())

    def _on_applied(self, message: JointCommand) -> None:
        values = np.array(message.values, dtype=np.float64)
        self._listener.on_applied(message.source, message.sequence, tuple(message.joint_names), values)

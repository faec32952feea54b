"""One robot as a policy sees it: what is heard of it while a goal runs, and where its chunks go."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from strands_robots.action import RunPolicy
from strands_robots.errors import StrandsRobotsError
from strands_robots.motion.chunk import Chunk
from strands_robots.msg import ActionChunk, GateState, JointCommand
from strands_robots.policies.session import Session
from strands_robots.ros import qos
from strands_robots.ros.conversions import chunk_to_msg, gate_report_from_msg, observation_from_joint_state
from strands_robots.types import Instant
from strands_robots.urdf_limits import limits_from_urdf


class RosRobotLink:
    """Feeds a session from the robot's topics and publishes its chunks. Made and closed by the executor's thread.

    In lockstep only the gate and the description are listened to: observations come with the answers of world/step.

    Args:
        node: The node; its namespace is the graph's.
        session: The session to feed.
        goal: The goal, for feedback.
    """

    def __init__(self, node: Node, session: Session, goal: ServerGoalHandle) -> None:
        self._node = node
        self._session = session
        self._goal = goal
        self._ros = 0.0
        robot = session.goal.robot
        self._publisher = node.create_publisher(ActionChunk, f"{robot}/action_chunk", qos.COMMAND)
        topics: list[tuple[Any, str, Callable[[Any], None], Any]] = [
            (GateState, "gate_state", self._on_gate, qos.STATE),
            (String, "robot_description", self._on_description, qos.DESCRIPTION),
        ]
        if not session.goal.lockstep:
            topics += [
                (JointState, "joint_states", self._on_joint_state, qos.STATE),
                (JointCommand, "command_applied", self._on_applied, qos.COMMAND),
            ]
        self._subscriptions = [
            node.create_subscription(kind, f"{robot}/{name}", take, profile) for kind, name, take, profile in topics
        ]

    def now(self) -> Instant:
        """Return the present. ROS time is at least the newest observation's stamp: /clock may come a little later."""
        return Instant(max(self._node.get_clock().now().nanoseconds * 1e-9, self._ros), time.monotonic())

    def send(self, chunk: Chunk, latency: float) -> None:
        """Publish a chunk that took `latency` [s] to infer."""
        self._publisher.publish(chunk_to_msg(chunk, latency))

    def is_connected(self) -> bool:
        """Return whether a robot node listens to the chunks."""
        return self._publisher.get_subscription_count() > 0

    def report_progress(self) -> None:
        """Publish the action's feedback."""
        run, now = self._session.run, self.now()
        with self._session.changed:
            feedback = RunPolicy.Feedback(
                elapsed=run.elapsed(now), steps=run.steps(now), chunks=run.chunks, inference_latency=run.last_latency,
                observation_age=run.last_age,
            )  # fmt: skip
        self._goal.publish_feedback(feedback)

    def close(self) -> None:
        """Stop listening."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._node.destroy_publisher(self._publisher)

    def _on_joint_state(self, message: JointState) -> None:
        observation = observation_from_joint_state(message)
        self._ros = observation.stamp
        self._session.on_observation(observation, self.now())

    def _on_gate(self, message: GateState) -> None:
        self._session.on_gate(gate_report_from_msg(message), self.now())

    def _on_applied(self, message: JointCommand) -> None:
        values = np.array(message.values, dtype=np.float64)
        self._session.on_applied(message.source, message.sequence, tuple(message.joint_names), values)

    def _on_description(self, message: String) -> None:
        try:
            self._session.on_limits(limits_from_urdf(message.data))
        except StrandsRobotsError as error:
            self._node.get_logger().warning(f"limits of '{self._session.goal.robot}' are not known: {error}")

"""One robot on the graph: the publishers and subscriptions that every robot node has, simulated or real."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory

from strands_robots.control.gate import Gate, GateReport, Setpoint
from strands_robots.control.refusal import Refusal, Verdict
from strands_robots.core.arrays import FloatArray
from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import ConfigurationError, ShapeError
from strands_robots.core.types import ControlMode, Instant
from strands_robots.motion.setpoint_motion import SetpointMotion
from strands_robots.msg import ActionChunk, GateState, JointCommand
from strands_robots.ros.calls.publishers import create_publisher, settle
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.conversions import (
    JointCommandBuffer,
    JointStateBuffer,
    chunk_from_command,
    chunk_from_msg,
    gate_state_to_msg,
)
from strands_robots.ros.robot.standard_inputs import StandardInput
from strands_robots.ros.robot.supervision_publisher import SupervisionPublisher

Admit = Callable[[Gate, Chunk, str], Verdict]
"""Submits a chunk that came on a topic to the gate."""


@dataclass(frozen=True)
class RobotTopicsConfig:
    """Options of the standard inputs.

    Attributes:
        external_lifetime: How long after receipt a command on a standard topic may be accepted [s].
        control_period: Time between two control ticks [s].
    """

    external_lifetime: float = 0.5
    control_period: float = 0.01


class RobotTopics:
    """Topics of one robot, below its name. The control loop's thread publishes, the executor's receives.

    Args:
        node: The node; its namespace is the graph's.
        gate: The robot's gate; gives name, joints and their order.
        admit: Submits a chunk.
        now: Returns the present.
        description: URDF text; empty publishes none.
        config: Options.
    """

    def __init__(
        self,
        node: Node,
        gate: Gate,
        admit: Admit,
        now: Callable[[], Instant],
        description: str,
        config: RobotTopicsConfig,
    ) -> None:
        self._gate = gate
        self._admit = admit
        self._now = now
        robot, names = gate.config.robot, gate.limits.names
        self._state = JointStateBuffer(names)
        self._applied = JointCommandBuffer(names)
        self._motion: SetpointMotion | None = None
        self._external = {
            topic: StandardInput(f"external/{topic}", config.external_lifetime, config.control_period)
            for topic in ("joint_trajectory", "joint_commands")
        }
        self._node = node
        self._state_publisher = create_publisher(node, JointState, f"{robot}/joint_states", qos.STATE)
        self._applied_publisher = create_publisher(node, JointCommand, f"{robot}/command_applied", qos.COMMAND)
        self._gate_publisher = create_publisher(node, GateState, f"{robot}/gate_state", qos.STATE)
        self._description = create_publisher(node, String, f"{robot}/robot_description", qos.DESCRIPTION)
        if description:
            self._description.publish(String(data=description))
        self._supervision = SupervisionPublisher(node, gate)
        subscribe = node.create_subscription
        self._subscriptions = [
            subscribe(JointCommand, f"{robot}/command", self._on_command, qos.COMMAND),
            subscribe(ActionChunk, f"{robot}/action_chunk", self._on_chunk, qos.COMMAND),
            subscribe(JointTrajectory, f"{robot}/joint_trajectory", self._on_trajectory, qos.COMMAND),
            subscribe(JointState, f"{robot}/joint_commands", self._on_joint_commands, qos.COMMAND),
        ]

    def close(self) -> None:
        """Take the topics off the graph; by the executor's thread, when nothing is published on them any more."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._supervision.close()
        for publisher in (
            self._state_publisher, self._applied_publisher, self._gate_publisher, self._description,
        ):  # fmt: skip
            self._node.destroy_publisher(publisher)

    def settle(self) -> None:
        """Wait until every reliable reader has the measured states and what was applied."""
        settle((self._state_publisher, self._applied_publisher))

    def publish_state(self, stamp: float, position: FloatArray, velocity: FloatArray, effort: FloatArray) -> None:
        """Publish the measured state (D,) at `stamp` [s, ROS time]."""
        self._state_publisher.publish(self._state.fill(stamp, position, velocity, effort))

    def publish_applied(self, stamp: float, setpoint: Setpoint) -> None:
        """Publish what the gate let through at `stamp` [s, ROS time]."""
        motion = self._motion
        self._motion = (
            SetpointMotion(setpoint.target, stamp) if motion is None else motion.update(setpoint.target, stamp)
        )
        message = self._applied.fill(stamp, setpoint.target, setpoint.source, setpoint.sequence, ControlMode.POSITION)
        self._applied_publisher.publish(message)

    def publish_gate(self, stamp: float, report: GateReport) -> None:
        """Publish the gate's state at `stamp` [s, ROS time]."""
        self._gate_publisher.publish(gate_state_to_msg(report, stamp))
        self._supervision.on_report(report)

    def applied_message(self) -> JointCommand:
        """Return a copy of the last command_applied; for answers of services."""
        last = self._applied.message
        return JointCommand(
            header=last.header, source=last.source, sequence=last.sequence, mode=last.mode,
            joint_names=list(last.joint_names), values=last.values[:],
        )  # fmt: skip

    def _on_command(self, message: JointCommand) -> None:
        self._admit(self._gate, chunk_from_command(message), "command")

    def _on_chunk(self, message: ActionChunk) -> None:
        self._admit(self._gate, chunk_from_msg(message), "action_chunk")

    def _on_joint_commands(self, message: JointState) -> None:
        chunk = self._external["joint_commands"].from_joint_state(message, self._now().ros)
        self._admit(self._gate, chunk, "joint_commands")

    def _on_trajectory(self, message: JointTrajectory) -> None:
        if self._motion is None:
            self._gate.refuse(Refusal.LATCHED, "a trajectory came before the first control tick; valid: after it")
            return
        try:
            chunk = self._external["joint_trajectory"].from_trajectory(
                message, self._now().ros, self._motion, self._gate.limits
            )
        except ShapeError as error:
            self._gate.refuse(Refusal.WRONG_LENGTH, str(error))
        except ConfigurationError as error:
            self._gate.refuse(Refusal.INVALID_TIME, str(error))
        else:
            self._admit(self._gate, chunk, "joint_trajectory")

"""A started robot and everything that the contract says to it and hears from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from builtin_interfaces.msg import Time
from graph import Graph, wait_for
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from strands_robots.msg import ActionChunk, GateState, JointCommand, StopRequest
from supervisor import TestSupervisor
from trajectory_msgs.msg import JointTrajectory

from strands_robots.ros.messages import qos
from strands_robots.ros.messages.stamps import to_duration, to_seconds, to_time


class RobotUnderTest:
    """One robot on a graph of its own.

    Args:
        graph: The graph with the robot's process.
        name: Its name.
        joints: Its joint names, in order.
        lower, upper: Position limits of each joint [rad].
        uses_simulated_time: Whether ROS time is /clock.
    """

    def __init__(
        self,
        graph: Graph,
        name: str,
        joints: Sequence[str],
        lower: Sequence[float],
        upper: Sequence[float],
        uses_simulated_time: bool,
    ) -> None:
        self.graph, self.name, self.joints = graph, name, list(joints)
        self.lower, self.upper = list(lower), list(upper)
        self.client = graph.client()
        client = self.client
        self.gates = client.listen(GateState, f"{name}/gate_state", qos.STATE)
        self.states = client.listen(JointState, f"{name}/joint_states", qos.STATE)
        self.applied = client.listen(JointCommand, f"{name}/command_applied", qos.COMMAND)
        self.clocks = client.listen(Clock, "/clock", qos.CLOCK, keep=1) if uses_simulated_time else None
        wait_for(lambda: self.gates and self.states and self.applied, 30.0, f"the topics of '{name}'")
        self.first_gate: GateState = self.gates[0]
        self.supervisor = TestSupervisor(client, name)
        self.command_publisher = self.publisher(JointCommand, f"{name}/command", qos.COMMAND)
        self.chunk_publisher = self.publisher(ActionChunk, f"{name}/action_chunk", qos.COMMAND)
        self.trajectory_publisher = self.publisher(JointTrajectory, f"{name}/joint_trajectory", qos.COMMAND)
        self.joint_commands_publisher = self.publisher(JointState, f"{name}/joint_commands", qos.COMMAND)
        self.stop_publisher = self.publisher(StopRequest, "safety/stop_request", qos.SAFETY)
        self._sequence = time.time_ns()
        wait_for(lambda: self.supervisor.last_gate, 10.0, "gate_state at the supervisor")

    @property
    def gate(self) -> GateState:
        """The newest gate_state."""
        return self.gates[-1]

    @property
    def position(self) -> list[float]:
        """The newest measured position [rad]."""
        return list(self.states[-1].position)

    @property
    def target(self) -> list[float]:
        """The newest applied target [rad]."""
        return list(self.applied[-1].values)

    def now(self) -> float:
        """ROS time of the graph [s]."""
        return to_seconds(self.clocks[-1].clock) if self.clocks else time.time()

    def arm(self) -> None:
        """Arm the robot and wait until it is."""
        self.supervisor.disarm()
        wait_for(lambda: self.gate.latched, what="latched")
        time.sleep(0.12)  # The supervisor must have been seen stopped: two beats.
        self.supervisor.arm()
        wait_for(lambda: not self.gate.latched and self.gate.arm_epoch == self.supervisor.epoch, what="armed")
        # Commands issued before the arming are refused, so the client's clock must have passed it.
        armed_at = to_seconds(self.gate.header.stamp)
        wait_for(lambda: self.now() > armed_at, what="the clock after the arming")

    def publisher(self, kind: Any, topic: str, profile: Any) -> Any:
        """Return a publisher of its own that the robot already listens to."""
        publisher = self.client.create_publisher(kind, topic, profile)
        wait_for(publisher.get_subscription_count, 10.0, f"the robot's subscription of {topic}")
        return publisher

    def make_free(self) -> None:
        """Armed, at rest, with no source holding the robot."""
        self.supervisor.is_silent = False
        if self.gate.latched or not self.supervisor.is_armed:
            self.arm()
        wait_for(lambda: not self.gate.lease_holder and self.gate.at_rest, 20.0, "a free robot at rest")

    def command(self, positions: Sequence[float], **changes: Any) -> JointCommand:
        """Return a valid command, with some fields changed."""
        self._sequence += 1
        message = JointCommand(
            source="operator/test",
            sequence=self._sequence,
            lifetime=to_duration(0.5),
            joint_names=self.joints,
            values=list(positions),
        )
        message.header.stamp = to_time(self.now())
        return _changed(message, changes)

    def chunk(self, rows: Sequence[Sequence[float]], period: float, **changes: Any) -> ActionChunk:
        """Return a valid chunk, with some fields changed."""
        self._sequence += 1
        message = ActionChunk(
            source="operator/test", sequence=self._sequence, lifetime=to_duration(0.5), joint_names=self.joints,
            horizon=len(rows), control_period=to_duration(period), values=[value for row in rows for value in row],
            observation_stamp=Time(),
        )  # fmt: skip
        message.header.stamp = to_time(self.now())
        return _changed(message, changes)

    def refusals(self, reason: str) -> int:
        """How often the gate has refused for a reason."""
        return sum(entry.count for entry in self.gate.refusals if entry.reason == reason)

    def refused(self, send: Callable[[], None], *reasons: str) -> str:
        """Send something; wait until it is refused for one of the reasons, and return the gate's words."""
        before = {reason: self.refusals(reason) for reason in reasons}
        accepted = self.gate.accepted
        send()
        wait_for(lambda: any(self.refusals(r) > n for r, n in before.items()), what=f"refusal {' or '.join(reasons)}")
        assert self.gate.accepted == accepted
        return str(self.gate.last_refusal)

    def moved_to(self, joint: int, position: float, tolerance: float = 0.05) -> None:
        """Wait until a joint is where it should be [rad]."""
        wait_for(lambda: abs(self.position[joint] - position) < tolerance, 10.0, f"joint {joint} at {position}")

    def other(self, joint: int, distance: float) -> list[float]:
        """The present target with one joint moved by `distance` [rad], away from its nearer limit."""
        values = self.target
        towards = 1.0 if self.upper[joint] - values[joint] > values[joint] - self.lower[joint] else -1.0
        values[joint] += towards * distance
        return values


def _changed(message: Any, changes: dict[str, Any]) -> Any:
    for name, value in changes.items():
        if name == "stamp":
            message.header.stamp = value
        else:
            setattr(message, name, value)
    return message

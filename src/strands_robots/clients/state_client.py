"""Watches a running graph: joints, rates, gates and safety."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sensor_msgs.msg import JointState

from strands_robots.clients.client import GraphClient
from strands_robots.msg import GateState, SafetyState
from strands_robots.ros.messages import qos
from strands_robots.ros.robot.robot_discovery import RobotDiscovery

SILENCE = 0.5
"""Who says nothing for this long is not heard [s]."""

_STATES = {
    SafetyState.ARMED: "ARMED",
    SafetyState.STOPPING: "STOPPING",
    SafetyState.STOPPED: "STOPPED",
    SafetyState.STOP_NOT_CONFIRMED: "STOP_NOT_CONFIRMED",
}


def state_name(state: int) -> str:
    """Return the name of a state of SafetyState; an unknown one as its number."""
    return _STATES.get(state, str(state))


@dataclass(frozen=True)
class SafetySnapshot:
    """What safety_node said last; `rate` is that of its heartbeat [Hz]."""

    state: str
    arm_epoch: int
    stop_id: int
    source: str
    reason: str
    rate: float


@dataclass(frozen=True)
class RobotSnapshot:
    """What one robot said last.

    Attributes:
        name: Name of the robot.
        is_heard: Its gate reported within the last half second.
        is_latched: Nothing may move it; `latch_reason` says why.
        is_at_rest: It reports rest; `max_velocity` is its fastest joint [rad/s] or [m/s].
        lease_holder: Source that holds the lease; empty when free.
        refused: Commands refused since its start.
        joint_rate: Rate of joint_states [Hz].
        joint_names: Names (D,).
        position, velocity, effort: As in joint_states, [rad, rad/s, Nm] or [m, m/s, N], in the order of `joint_names`.
    """

    name: str
    is_heard: bool
    is_latched: bool
    latch_reason: str
    is_at_rest: bool
    max_velocity: float
    lease_holder: str
    refused: int
    joint_rate: float
    joint_names: tuple[str, ...]
    position: tuple[float, ...]
    velocity: tuple[float, ...]
    effort: tuple[float, ...]


@dataclass(frozen=True)
class GraphSnapshot:
    """Safety (None when it is not heard) and every robot that was found, by name."""

    safety: SafetySnapshot | None
    robots: tuple[RobotSnapshot, ...]


class _Counted:
    """The last message of a topic, when it came, and the rate since the last collection."""

    def __init__(self) -> None:
        self.message: object = None
        self.at = float("-inf")
        self.rate = 0.0
        self._count = 0
        self._since = time.monotonic()

    def take(self, message: object) -> None:
        self.message, self.at = message, time.monotonic()
        self._count += 1

    def close_window(self) -> None:
        now = time.monotonic()
        self.rate = self._count / (now - self._since)
        self._count, self._since = 0, now

    @property
    def is_heard(self) -> bool:
        return time.monotonic() - self.at < SILENCE


class StateWatch:
    """Listens to safety_node and to every robot of the graph.

    Args:
        client: Client of the graph; its thread runs the callbacks.
    """

    def __init__(self, client: GraphClient) -> None:
        self._client = client
        self._safety = _Counted()
        self._gates: dict[str, _Counted] = {}
        self._joints: dict[str, _Counted] = {}
        client.node.create_subscription(SafetyState, "safety/state", self._safety.take, qos.SAFETY)
        RobotDiscovery(client.node, (), self._on_gate)

    @property
    def is_complete(self) -> bool:
        """True when safety_node and the joints of at least one robot were heard."""
        return self._safety.is_heard and any(joints.is_heard for joints in self._joints.values())

    def collect(self, duration: float) -> None:
        """Listen for `duration` [s]; rates are those of this time."""
        counted = [self._safety, *self._joints.values()]
        for entry in counted:
            entry.close_window()
        self._client.spin_until(lambda: False, duration)
        for entry in counted:
            entry.close_window()

    def snapshot(self) -> GraphSnapshot:
        """Return what is known now."""
        message = self._safety.message
        safety = None
        if isinstance(message, SafetyState) and self._safety.is_heard:
            safety = SafetySnapshot(
                state_name(message.state),
                message.arm_epoch,
                message.stop_id,
                message.stop_source,
                message.stop_reason,
                self._safety.rate,
            )
        return GraphSnapshot(safety, tuple(self._robot(name) for name in sorted(self._gates)))

    def _on_gate(self, message: GateState) -> None:
        name = message.robot
        if name not in self._gates:
            self._gates[name] = _Counted()
            self._joints[name] = _Counted()
            self._client.node.create_subscription(
                JointState, f"{name}/joint_states", self._joints[name].take, qos.STATE
            )
        self._gates[name].take(message)

    def _robot(self, name: str) -> RobotSnapshot:
        gate, joints = self._gates[name], self._joints[name].message
        state = gate.message
        assert isinstance(state, GateState)
        values = joints if isinstance(joints, JointState) else JointState()
        return RobotSnapshot(
            name,
            gate.is_heard,
            state.latched,
            state.latch_reason,
            state.at_rest,
            state.max_velocity,
            state.lease_holder,
            sum(entry.count for entry in state.refusals),
            self._joints[name].rate,
            tuple(values.name),
            tuple(values.position),
            tuple(values.velocity),
            tuple(values.effort),
        )

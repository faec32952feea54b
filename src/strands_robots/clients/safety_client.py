"""Stop and resume as a client: the service of safety_node, and past it the robots themselves."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from rclpy.task import Future

from strands_robots.clients.client import GraphClient
from strands_robots.msg import GateState, SafetyState, StopRequest
from strands_robots.ros.messages import qos
from strands_robots.ros.robot.robot_discovery import RobotDiscovery
from strands_robots.srv import StopGraph

SEARCH_TIME = 1.5
"""When nobody new was found for this long, what was found counts as everything [s]."""


@dataclass(frozen=True)
class RestReport:
    """What one robot's own gate_state said after the stop.

    Attributes:
        name: Name of the robot.
        is_heard: False when safety_node names it but it says nothing.
        is_latched: Nothing may move it.
        latch_reason: Why.
        is_at_rest: It reports rest.
        max_velocity: Largest measured joint velocity [rad/s] or [m/s].
    """

    name: str
    is_heard: bool
    is_latched: bool = False
    latch_reason: str = ""
    is_at_rest: bool = False
    max_velocity: float = 0.0


@dataclass(frozen=True)
class StopReport:
    """What a stop achieved.

    Attributes:
        supervisor_answered: safety_node answered.
        supervisor_latched: It says that the stop is latched.
        stop_id: Number of the stop, 0 without safety_node.
        message: safety_node's words.
        robots: Evidence of each robot, by name.
        is_audited: audit_node has this stop on its disk.
    """

    supervisor_answered: bool
    supervisor_latched: bool
    stop_id: int
    message: str
    robots: tuple[RestReport, ...]
    is_audited: bool = False

    @property
    def is_latched(self) -> bool:
        """True when every robot says that it is latched; without any robot, when safety_node says so."""
        return all(robot.is_latched for robot in self.robots) and (self.supervisor_latched or bool(self.robots))

    @property
    def is_at_rest(self) -> bool:
        """True when every robot says that it is latched and at rest."""
        return self.is_latched and all(robot.is_at_rest for robot in self.robots)


@dataclass
class _StopAttempt:
    """A stop while it is under way."""

    client: GraphClient
    source: str
    reason: str
    wait: float
    started: float = field(default_factory=time.monotonic)
    found: float = field(default_factory=time.monotonic)
    told: int = 0
    answer: Future | None = None
    gates: dict[str, GateState] = field(default_factory=dict)
    expected: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        node = self.client.node
        self.publisher = node.create_publisher(StopRequest, "safety/stop_request", qos.SAFETY)
        self.service = node.create_client(StopGraph, "safety/stop")
        node.create_subscription(SafetyState, "safety/state", self._on_safety, qos.SAFETY)
        RobotDiscovery(node, (), self._on_gate)

    def _on_safety(self, message: SafetyState) -> None:
        self.expected.update(robot.robot for robot in message.robots)

    def _on_gate(self, message: GateState) -> None:
        self.gates[message.robot] = message

    def advance(self) -> bool:
        """Tell everybody who was found since the last call; return whether everything that can be known is known."""
        listeners = self.publisher.get_subscription_count()
        now = time.monotonic()
        if listeners > self.told:
            self.publisher.publish(StopRequest(source=self.source, reason=self.reason))
            self.found = now
        self.told = listeners
        is_searched = now - self.found > SEARCH_TIME
        if self.answer is None and self.service.service_is_ready():
            rest = max(0.0, self.started + self.wait - now - 0.3)
            self.answer = self.service.call_async(
                StopGraph.Request(source=self.source, reason=self.reason, wait_for_rest=rest)
            )
        if self.answer is not None or self.client.node.count_publishers("safety/state"):
            answered = self.answer is not None and self.answer.done()
        else:
            answered = is_searched
        complete = is_searched or (bool(self.expected) and self.expected <= self.gates.keys())
        return answered and complete and self.report().is_at_rest

    def report(self) -> StopReport:
        """Return what is known now."""
        response = self.answer.result() if self.answer is not None and self.answer.done() else None
        robots = []
        for name in sorted(self.expected | self.gates.keys()):
            gate = self.gates.get(name)
            robots.append(
                RestReport(name, True, gate.latched, gate.latch_reason, gate.at_rest, gate.max_velocity)
                if gate
                else RestReport(name, False)
            )
        if response is None:
            return StopReport(False, False, 0, "", tuple(robots))
        return StopReport(True, response.success, response.stop_id, response.message, tuple(robots), response.audited)


def stop_graph(client: GraphClient, source: str, reason: str, wait: float) -> StopReport:
    """Stop every robot by the topic and by the service at once, and return the evidence.

    The topic is what robots hear themselves, so the stop reaches them when safety_node is dead or hangs. It is
    published again whenever a new listener is found.

    Args:
        client: Client of the graph.
        source: Who asks.
        reason: Why.
        wait: Longest wait for evidence of rest [s].
    """
    stop = _StopAttempt(client, source, reason, wait)
    client.spin_until(stop.advance, wait)
    return stop.report()

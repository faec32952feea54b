"""The stop of every program: the command line, the live view, Robot(), agents and MCP. There is no other one.

At once, and in parallel: a datagram to each process with a gate on this machine, the topic that robots and safety_node hear, and
safety_node's service. Again until each gate is seen latched. Nothing of it is shared with another call: node, executor and sockets are
its own, and nothing is read, checked or recorded before it is out.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field

from rclpy.executors import SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.logging import LoggingSeverity
from rclpy.node import Node
from rclpy.task import Future

from strands_robots.clients.results import StopResult
from strands_robots.core.errors import NoAnswerError
from strands_robots.msg import GateState, SafetyState, StopRequest
from strands_robots.ros.messages import qos
from strands_robots.ros.process.unreadable import survive_unreadable
from strands_robots.ros.robot.robot_discovery import RobotDiscovery
from strands_robots.safety.local_stop import LocalStop, domain_of, local_stop
from strands_robots.safety.run_folder import RunRecord
from strands_robots.safety.stop_report import RestReport, StopReport
from strands_robots.safety.stop_words import StopWords, stop_words
from strands_robots.srv import StopGraph

SEARCH_TIME = 1.5
"""When nothing new was found for this long, what was found counts as everything [s]."""

SERVICE_GRACE = 0.4
"""Once every robot is latched and at rest, the words of a safety_node that nothing shows to live are waited for no longer than this [s]."""

LIVE_GRACE = 2.0
"""The same where safety_node's own socket has said that the stop is latched: its words come, later on a busy machine [s]."""

REPEAT_PERIOD = 0.1
"""Time between two requests on the topic while a gate is not seen latched [s]."""

SPIN_PERIOD = 0.01
DISCOVERY_PERIOD = 0.1

_FAILURES = (rclpy_implementation.RCLError, rclpy_implementation.InvalidHandle)


@dataclass
class _Asked:
    """One stop while it is under way; times are steady [s]."""

    words: StopWords
    wait: float
    local: LocalStop
    own: str
    started: float = field(default_factory=time.monotonic)
    found: float = field(default_factory=time.monotonic)
    asked: float = float("-inf")
    told: int = 0
    answer: Future | None = None
    gates: dict[str, GateState] = field(default_factory=dict)
    expected: set[str] = field(default_factory=set)
    latched_at: float = float("inf")
    problem: str = ""

    def report(self) -> StopReport:
        """Return what is known now."""
        robots = tuple(
            RestReport(name, True, gate.latched, gate.latch_reason, gate.at_rest, gate.max_velocity)
            if (gate := self.gates.get(name))
            else RestReport(name, False)
            for name in sorted(self.expected | self.gates.keys())
        )
        report = StopReport(robots=robots, problem=self.problem)
        if self.answer is not None and self.answer.done() and self.answer.exception() is None:
            said = self.answer.result()
            report = StopReport(True, said.success, said.stop_id, said.message, robots, said.audited, self.problem)
        return report.with_local(self.local, self.own)


class GraphStop:
    """Stops every robot of one graph. Found in advance; may be used by several threads at once. `close` ends it.

    It costs nothing between two stops: its node is spun only while one is under way, by the thread that asked.

    Args:
        beside: A node of the program; its namespace is the graph's.
    """

    def __init__(self, beside: Node) -> None:
        context = beside.context
        self._node = Node(
            f"{beside.get_name()}_stop", namespace=beside.get_namespace(), context=context,
            use_global_arguments=False, enable_rosout=False, start_parameter_services=False,
        )  # fmt: skip
        self._node.get_logger().set_level(LoggingSeverity.WARN)
        self._namespace = beside.get_namespace().strip("/")
        self._publisher = self._node.create_publisher(StopRequest, "safety/stop_request", qos.SAFETY)
        self._service = self._node.create_client(StopGraph, "safety/stop")
        self._node.create_subscription(SafetyState, "safety/state", self._on_safety, qos.HEARTBEAT_READER)
        self._discovery = RobotDiscovery(self._node, (), self._on_gate)
        self._executor = survive_unreadable(SingleThreadedExecutor(context=context))
        self._executor.add_node(self._node)
        self._spinning = threading.Lock()
        self._under_way: tuple[_Asked, ...] = ()
        self._taken = False
        self._born = time.monotonic()
        self._domain = context.get_domain_id()

    def close(self) -> None:
        """Let go of the graph."""
        self._executor.shutdown(timeout_sec=0.2)
        self._node.destroy_node()

    def listeners(self) -> int:
        """Return how many hear the topic now; none once the program has left the graph."""
        try:
            return int(self._publisher.get_subscription_count())
        except _FAILURES:
            return 0

    def stop(self, source: object, reason: object, wait: float) -> StopReport:
        """Stop every robot and return the evidence. Never raises over what it was given.

        Args:
            source: Who asks; clipped and made printable.
            reason: Why; the same.
            wait: Longest wait for evidence of rest [s].
        """
        words = stop_words(source, reason)
        environment = {**os.environ, "ROS_DOMAIN_ID": str(self._domain)}
        # The topic first: it is one call. To find the sockets, folders are read.
        message, problem = StopRequest(source=words.source, reason=words.reason), ""
        try:
            self._publisher.publish(message)
        except _FAILURES as error:
            problem = f"the request could not be published: {error}"
        local = local_stop(environment, self._namespace)
        local.ask(words)
        own = RunRecord("", "", 0, domain_of(environment), self._namespace).graph
        asked = _Asked(words, wait, local, own, found=self._born, told=self.listeners(), problem=problem)
        asked.asked = asked.started
        try:
            self._advance_until_known(asked, message)
            return asked.report()
        except _FAILURES as error:
            # The program leaves the graph meanwhile. The sockets do not belong to it.
            asked.problem = f"the graph was left: {error}"
            local.run(words, max(asked.started + wait - time.monotonic(), 0.0))
            return asked.report()
        finally:
            self._under_way = tuple(entry for entry in self._under_way if entry is not asked)
            local.close()

    def _advance_until_known(self, asked: _Asked, message: StopRequest) -> None:
        self._drain()
        self._under_way = (*self._under_way, asked)
        deadline, looked = asked.started + asked.wait, float("-inf")
        while not self._advance(asked, message) and (now := time.monotonic()) < deadline:
            asked.local.collect(0.0)
            is_due = now - looked > DISCOVERY_PERIOD
            looked = now if is_due else looked
            self._spin(SPIN_PERIOD, asked if is_due else None)
        asked.local.collect(0.0)

    def _advance(self, asked: _Asked, message: StopRequest) -> bool:
        """Ask again where it is needed; return whether everything that can be known is known."""
        now = time.monotonic()
        listeners = self.listeners()
        report = asked.report()
        is_due = now - asked.asked > REPEAT_PERIOD and not report.is_latched
        if listeners > asked.told or is_due:
            asked.asked = now
            if listeners > asked.told:
                asked.found = now
            try:
                self._publisher.publish(message)
            except _FAILURES as error:
                asked.problem = f"the request could not be published: {error}"
        asked.told = listeners
        asked.local.ask(asked.words)
        if asked.answer is None and not asked.problem and self._service.service_is_ready():
            rest = max(0.0, asked.started + asked.wait - now - 0.3)
            asked.answer = self._service.call_async(
                StopGraph.Request(source=asked.words.source, reason=asked.words.reason, wait_for_rest=rest)
            )
        return self._is_known(asked, report, now)

    def _is_known(self, asked: _Asked, report: StopReport, now: float) -> bool:
        if not report.is_at_rest:
            asked.latched_at = float("inf")
            return False
        asked.latched_at = min(asked.latched_at, now)
        is_searched = now - asked.found > SEARCH_TIME
        is_complete = is_searched or (bool(asked.expected) and asked.expected <= asked.gates.keys())
        is_over = now - asked.latched_at > (LIVE_GRACE if report.supervisor_latched else SERVICE_GRACE)
        if asked.answer is None:
            return is_searched and is_complete and (is_over or not report.supervisor_latched)
        return (asked.answer.done() or is_over) and (is_complete or is_over)

    def _spin(self, wait: float, looking: _Asked | None = None) -> None:
        """Run callbacks, or wait while another stop's thread runs them; look for robots as well when a stop is given."""
        if not self._spinning.acquire(blocking=False):
            time.sleep(wait)
            return
        try:
            if looking is not None:
                looking.expected.update(self._discovery.look())
            self._executor.spin_once(wait)
        except _FAILURES:
            time.sleep(wait)  # The program is leaving the graph; sockets still answer.
        finally:
            self._spinning.release()

    def _drain(self) -> None:
        """Take what waited since the last stop: it is no evidence of this one."""
        idle = 0
        for _ in range(200):
            self._taken = False
            self._spin(0.0)
            idle = 0 if self._taken else idle + 1
            if idle == 3:
                return

    def _on_safety(self, message: SafetyState) -> None:
        self._taken = True
        for asked in self._under_way:
            asked.expected.update(robot.robot for robot in message.robots)

    def _on_gate(self, message: GateState) -> None:
        self._taken = True
        for asked in self._under_way:
            asked.gates[message.robot] = message


def stop_result(report: StopReport) -> StopResult:
    """Return what a program is told of a stop.

    Raises:
        NoAnswerError: If there is no evidence that every robot has stopped; names those without.
    """
    if not report.is_latched:
        silent = [robot.name for robot in report.robots if not robot.is_latched]
        raise NoAnswerError(
            f"{', '.join(silent) or 'no robot was found'}: no evidence of the stop; use the stop button. "
            f"{report.problem or report.message}".strip()
        )
    message = report.message or "every robot says that it is stopped; safety_node did not answer"
    return StopResult(report.stop_id, message, report.is_at_rest, report.moving, report.is_audited)

"""The socket in the run's folder, for a node: its graph is written down there, and what arrives stops its gates."""

from __future__ import annotations

import os
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from strands_robots.control.gate import Gate
from strands_robots.core.types import Instant
from strands_robots.safety.run_folder import RunRecord, runs_folder
from strands_robots.safety.stop_socket import StopSocket
from strands_robots.safety.stop_words import StopWords

LOOK_PERIOD = 1.0
"""Time between two looks whether the robots are still the same [s]."""

_REASON = "requested"
"""As for a request on the topic, so that safety_node takes a robot's report for the same request."""


class LocalStopPort:
    """Takes stops from this machine for the gates of a node. `close` ends it.

    Args:
        node: The node; its namespace is the graph's.
        run: Run of the graph; empty makes a folder for this process alone.
        gates: Its gates; looked at each time, so that gates may join.
        now: Returns the present; from any thread.
    """

    def __init__(self, node: Node, run: str, gates: Sequence[Gate], now: Callable[[], Instant]) -> None:
        self._node, self._gates, self._now = node, gates, now
        self._told: deque[StopWords] = deque(maxlen=8)
        self._record = run_record(node, run)
        # What may wait for a terminal or a disk is done by the node's executor, never by the thread that stops.
        self._tell = node.create_guard_condition(self._on_told)
        self._socket = open_socket(node, self._record, self._stop, self._explain, self._state)
        node.create_timer(LOOK_PERIOD, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def close(self) -> None:
        """Take no more stops."""
        if self._socket is not None:
            self._socket.close()

    def _stop(self) -> None:
        now = self._now()
        for gate in tuple(self._gates):
            gate.stop(_REASON, now)

    def _explain(self, words: StopWords) -> None:
        for gate in tuple(self._gates):
            gate.explain_stop(_REASON, f"by {words.source}: {words.reason}")
        self._told.append(words)
        self._tell.trigger()

    def _state(self) -> dict[str, Any]:
        now = self._now()
        reports = [gate.report(now) for gate in tuple(self._gates)]
        return {
            "robots": [
                {
                    "name": report.robot,
                    "latched": report.latched,
                    "at_rest": report.at_rest,
                    "reason": report.latch_reason,
                    "max_velocity": report.max_velocity,
                }
                for report in reports
            ]
        }

    def _on_told(self) -> None:
        """Say who stopped; once for a request that was repeated."""
        said: set[StopWords] = set()
        while self._told:
            words = self._told.popleft()
            if words not in said:
                said.add(words)
                self._node.get_logger().warning(f"stopped by '{words.source}' on this machine: {words.reason}")

    def _look(self) -> None:
        """Write down robots that joined or left."""
        robots = tuple(gate.config.robot for gate in tuple(self._gates))
        if self._socket is None or robots == self._record.robots:
            return
        self._record = replace(self._record, robots=robots)
        try:
            self._socket.rename_robots(self._record)
        except OSError as error:
            self._node.get_logger().warning(
                f"the run's folder cannot be written: {error}; stops are still accepted there"
            )


def run_record(node: Node, run: str, *, is_supervisor: bool = False) -> RunRecord:
    """Return what is written down of this process; without a run it has one of its own."""
    return RunRecord(
        run=run or f"alone-{uuid.uuid4().hex[:16]}",
        node=node.get_name(),
        pid=os.getpid(),
        domain=node.context.get_domain_id(),
        namespace=node.get_namespace().strip("/"),
        is_supervisor=is_supervisor,
    )


def open_socket(
    node: Node,
    record: RunRecord,
    stop: Callable[[], None],
    explain: Callable[[StopWords], None],
    state: Callable[[], dict[str, Any]],
) -> StopSocket | None:
    """Return the socket; None, said loudly, where the folder cannot be used: the topic and the service still stop."""
    try:
        return StopSocket(runs_folder(os.environ), record, stop, explain, state)
    except OSError as error:
        node.get_logger().error(
            f"NO LOCAL STOP: the run's folder below {runs_folder(os.environ)} cannot be used ({error}); "
            "strands-robots estop reaches this process over ROS only"
        )
        return None


class SupervisorStopPort:
    """Takes stops from this machine for safety_node: its executor latches, because the supervisor belongs to it. `close` ends it.

    Args:
        node: safety_node.
        run: Run of the graph.
        request: Latches a stop; called by the node's executor.
        is_armed: Returns whether the graph may move; from any thread.
    """

    def __init__(
        self, node: Node, run: str, request: Callable[[StopWords], None], is_armed: Callable[[], bool]
    ) -> None:
        self._request, self._is_armed = request, is_armed
        self._waiting: deque[StopWords] = deque(maxlen=64)
        self._wake = node.create_guard_condition(self.take)
        record = run_record(node, run, is_supervisor=True)
        self._socket = open_socket(node, record, _nothing, self._on_words, self._state)

    def take(self) -> None:
        """Latch what has arrived; by the node's executor."""
        while self._waiting:
            self._request(self._waiting.popleft())

    def close(self) -> None:
        """Take no more stops."""
        if self._socket is not None:
            self._socket.close()

    def _on_words(self, words: StopWords) -> None:
        self._waiting.append(words)
        self._wake.trigger()

    def _state(self) -> dict[str, Any]:
        return {"robots": [], "latched": not self._is_armed()}


def _nothing() -> None:
    """The supervisor is latched with the words."""

"""What every robot node hears of safety: the supervisor's heartbeat and the stop requests themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from rclpy.node import Node
from rclpy.serialization import deserialize_message

from strands_robots.control.gate import Gate
from strands_robots.core.types import Instant
from strands_robots.msg import SafetyState, StopRequest
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.conversions import clip, heartbeat_from_msg
from strands_robots.ros.process.own_executor import OwnExecutor
from strands_robots.ros.process.unreadable import CORRUPT
from strands_robots.ros.robot.local_stop_listener import LocalStopPort
from strands_robots.ros.robot.refusal_audit import report_refusals

HEARD = 0.5
"""A safety_node that is silent for this long supervises no robot [s, steady time]."""


class SafetySubscriber:
    """Subscriptions to safety/state and safety/stop_request for every gate of a node. `close` ends them.

    A thread of their own serves them, so that a stop waits for no other callback of the node. Stop requests are taken as
    bytes: whatever arrives stops, even when it cannot be read.

    Args:
        node: The node; its namespace is the graph's.
        gates: Its gates; looked at each time, so that gates may join.
        now: Returns the present; from any thread.
        run: Run of the graph, in whose folder a socket takes stops from this machine; empty makes a folder for this
            process alone, None makes no socket.
    """

    def __init__(self, node: Node, gates: Sequence[Gate], now: Callable[[], Instant], run: str | None = None) -> None:
        self._node = node
        self._gates = gates
        self._now = now
        self._named: tuple[float, frozenset[str]] = (-math.inf, frozenset())
        self._own = OwnExecutor(node, "safety")
        subscribe, resolve = self._own.node.create_subscription, node.resolve_topic_name
        subscribe(SafetyState, resolve("safety/state"), self._on_state, qos.HEARTBEAT_READER)
        subscribe(StopRequest, resolve("safety/stop_request"), self._on_stop, qos.SAFETY, raw=True)
        self._own.start()
        self._local = None if run is None else LocalStopPort(node, run, gates, now)
        report_refusals(node, gates)

    def close(self) -> None:
        """Hear nothing any more; the gates then latch for want of a heartbeat."""
        if self._local is not None:
            self._local.close()
        self._own.close()

    def is_named(self, robot: str) -> bool:
        """Return whether a safety_node that is alive names the robot among those that it supervises."""
        heard, names = self._named
        return robot in names and self._now().steady - heard < HEARD

    def _on_state(self, message: SafetyState) -> None:
        beat, now = heartbeat_from_msg(message), self._now()
        self._named = now.steady, frozenset(beat.admitted)
        for gate in tuple(self._gates):
            gate.on_heartbeat(beat, now)

    def _on_stop(self, data: bytes) -> None:
        now = self._now()
        for gate in tuple(self._gates):
            gate.stop("requested", now)
        source, reason = read_stop_request(data)
        for gate in tuple(self._gates):
            gate.explain_stop("requested", f"by {source or 'unknown'}: {reason}")
        self._node.get_logger().warning(f"stopped by '{source}': {reason}")


def read_stop_request(data: bytes) -> tuple[str, str]:
    """Return who asked for a stop and why, in printable ASCII.

    A request that cannot be read has a source and a reason as well.
    """
    try:
        message = deserialize_message(data, StopRequest)
    except CORRUPT as error:
        return "unknown", f"a request that cannot be read ({clip(str(error), 200)})"
    return clip(message.source, 128), clip(message.reason, 256)

"""A robot node's refused commands in the audit log: counts by source, reason and second."""

from __future__ import annotations

from collections.abc import Sequence

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from strands_robots.control.gate import Gate
from strands_robots.ros.audit.audit_publisher import audit_of

PERIOD = 1.0


def report_refusals(node: Node, gates: Sequence[Gate]) -> None:
    """Report once a second what the gates refused; the sequence is looked at each time, so gates may join.

    Args:
        node: The robot node.
        gates: Its gates.
    """
    audit = audit_of(node)

    def report() -> None:
        for gate in tuple(gates):
            for entry in gate.take_refusals():
                details = {"source": entry.source, "reason": entry.reason, "count": entry.count, "last": entry.last}
                audit.record("refusal", details, robot=gate.config.robot, actor=entry.source)

    node.create_timer(PERIOD, report, clock=Clock(clock_type=ClockType.STEADY_TIME))

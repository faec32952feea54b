"""What every node's process reports of itself: that it started, with which parameters, and each change of one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from rclpy.node import Node
from rclpy.parameter import Parameter

from strands_robots.audit.event import Durability
from strands_robots.ros.audit.audit_publisher import AuditPublisher, audit_of


def report_process(node: Node) -> AuditPublisher:
    """Report the start of the node's process, and from now on every change of its parameters; return its port.

    Called once for every node, by `run_node`. Humble's rclpy has no callback after a change; there audit_node's own
    look at /parameter_events is all there is.
    """
    audit = audit_of(node)
    audit.record(
        "process_start",
        {"pid": os.getpid(), "program": sys.argv[0], "parameters": _values(node.get_parameters_by_prefix("").values())},
        durability=Durability.NOW,
    )

    def on_change(parameters: Iterable[Parameter]) -> None:
        audit.record("parameter_change", {"changed": _values(parameters)}, durability=Durability.NOW)

    add = getattr(node, "add_post_set_parameters_callback", None)
    if add is not None:
        add(on_change)
    return audit


def _values(parameters: Iterable[Parameter]) -> dict[str, object]:
    return {parameter.name: parameter.value for parameter in parameters}

"""/diagnostics: what a node measures of itself, once a second (REP-107)."""

from __future__ import annotations

from collections.abc import Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from strands_robots.ros.calls.publishers import create_publisher
from strands_robots.ros.messages import qos

OK, WARN, ERROR, STALE = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR, DiagnosticStatus.STALE


def status(
    name: str, level: bytes, message: str, values: Mapping[str, object], hardware_id: str = ""
) -> DiagnosticStatus:
    """Return one status; numbers are written with six significant digits."""
    return DiagnosticStatus(
        name=name,
        level=level,
        message=message,
        hardware_id=hardware_id,
        values=[
            KeyValue(key=key, value=f"{value:.6g}" if isinstance(value, float) else str(value))
            for key, value in values.items()
        ],
    )


class DiagnosticsPort:
    """Publisher of /diagnostics."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._publisher = create_publisher(node, DiagnosticArray, "/diagnostics", qos.STATE)

    def publish(self, *statuses: DiagnosticStatus) -> None:
        """Publish statuses, stamped with wall time as every node's are."""
        message = DiagnosticArray(status=list(statuses))
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)

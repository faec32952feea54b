"""The calibrations that drivers of real robots say they use, from /diagnostics; for the provenance of a recording."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node

from strands_robots.ros.messages import qos

_KEYS = {"calibration": "file", "calibration_sha256": "sha256", "calibration_written": "written"}


class CalibrationWatch:
    """Keeps what the driver of each robot reported last.

    Args:
        node: The node; its namespace is the graph's.
        robots: Names of the robots.

    Attributes:
        known: Calibration by robot: "file", "sha256" and "written" (ISO 8601, UTC). A robot without one is not in it.
    """

    def __init__(self, node: Node, robots: Collection[str]) -> None:
        self.known: Mapping[str, Mapping[str, str]] = {}
        self._prefix = node.get_namespace().rstrip("/") + "/"
        self._robots = robots
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, qos.STATE)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.hardware_id in self._robots and status.name.startswith(self._prefix):
                self._take(status)

    def _take(self, status: DiagnosticStatus) -> None:
        values = {entry.key: entry.value for entry in status.values}
        if "calibration_sha256" in values:
            found = {name: values[key] for key, name in _KEYS.items() if key in values}
            self.known = {**self.known, status.hardware_id: found}

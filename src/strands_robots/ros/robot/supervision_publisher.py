"""A robot's supervision on the graph: its limits and its alarms in the audit log, and the signal of speed zones."""

from __future__ import annotations

import time

from rclpy.node import Node
from std_msgs.msg import String

from strands_robots.audit.event import Durability
from strands_robots.control.alarm import Alarm
from strands_robots.control.gate import Gate, GateReport
from strands_robots.control.limits_record import limits_record
from strands_robots.control.speed_zones import SpeedZones
from strands_robots.ros.audit.audit_publisher import audit_of
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.conversions import clip


class SupervisionPublisher:
    """Reports the limits in force when the robot comes, and each stop by its own supervision.

    Where speed zones are configured, listens on `<robot>/speed_zone` for their names.

    Args:
        node: The node; its namespace is the graph's.
        gate: The robot's gate.
    """

    def __init__(self, node: Node, gate: Gate) -> None:
        self._node = node
        self._gate = gate
        self._robot = gate.config.robot
        self._audit = audit_of(node)
        self._told: Alarm | None = None
        self._unknown = ""
        self._audit.record("limits", lambda: limits_record(gate), robot=self._robot, durability=Durability.NOW)
        supervision = gate.supervision
        unwatched = ["everything"] if supervision is None else supervision.config.absent + supervision.unmeasured
        if unwatched:
            node.get_logger().info(f"'{self._robot}' is not supervised for {', '.join(unwatched)}")
        zones = None if supervision is None else supervision.zones
        self._subscription = (
            None
            if zones is None
            else node.create_subscription(
                String, f"{self._robot}/speed_zone", lambda message: self._on_zone(zones, message.data), qos.SAFETY
            )
        )

    def on_report(self, report: GateReport) -> None:
        """Record the alarm that latched the robot, once; by the control loop's thread, so it must not block."""
        alarm = self._gate.alarm
        if alarm is None or alarm is self._told:
            self._told = alarm
            return
        self._told = alarm
        self._audit.record(
            "supervision_stop",
            lambda: {"alarm": alarm.kind.value, "message": alarm.message, "latch_count": report.latch_count},
            robot=self._robot,
            durability=Durability.NOW,
        )

    def close(self) -> None:
        """Listen no more; by the executor's thread."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)

    def _on_zone(self, zones: SpeedZones, zone: str) -> None:
        if zones.select(zone, time.monotonic()):
            self._unknown = ""
        elif zone != self._unknown:
            self._unknown = zone
            self._node.get_logger().error(
                f"'{clip(zone, 64)}' is no speed zone of '{self._robot}'; valid: {', '.join(zones.config.zones)}"
            )

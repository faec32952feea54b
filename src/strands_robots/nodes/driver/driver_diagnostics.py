"""What a real robot's driver says of itself on /diagnostics, once a second."""

from __future__ import annotations

from rclpy.node import Node

from strands_robots.drivers.loop import DriverLoop
from strands_robots.ros.process.diagnostics import ERROR, OK, STALE, WARN, DiagnosticsPort, status


class DriverDiagnostics:
    """Status of the link, its counters, and the calibration in use."""

    def __init__(self, node: Node) -> None:
        self._port = DiagnosticsPort(node)
        self._name = node.get_fully_qualified_name()

    def publish(self, loop: DriverLoop | None) -> None:
        """Publish the present state; None when nothing is connected."""
        if loop is None:
            self._port.publish(status(f"{self._name}: driver", STALE, "not configured", {}))
            return
        driver, health = loop.robot.driver, loop.robot.driver.health
        values: dict[str, object] = {
            **driver.identity,
            "cycles": health.cycles,
            "incomplete_cycles": health.incomplete,
            "late_ticks": loop.late,
            "longest_turn_ms": loop.worst * 1e3,
            "voltage": health.voltage,
            **dict(health.counts),
        }
        level, message = OK, "active" if loop.is_active else "inactive"
        if loop.fault:
            level, message = ERROR, loop.fault
        elif driver.complaint:
            level, message = ERROR, driver.complaint
        elif health.cycles and health.incomplete > 0.01 * health.cycles:
            level, message = (
                WARN,
                f"{message}; {100.0 * health.incomplete / health.cycles:.1f} % of the reads incomplete",
            )
        self._port.publish(status(f"{self._name}: driver", level, message, values, loop.robot.name))

"""Calibrations from /diagnostics: those of this graph's robots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("rclpy")

from diagnostic_msgs.msg import DiagnosticArray

from strands_robots.nodes.recorder.calibration_watch import CalibrationWatch
from strands_robots.ros.process.diagnostics import OK, STALE, status

USED = {"calibration": "/c/mine.json", "calibration_sha256": "ab12", "calibration_written": "2026-01-02T03:04:05Z"}


class FakeNode:
    """Has a namespace and keeps the subscriber."""

    take: Callable[[DiagnosticArray], None]

    def get_namespace(self) -> str:
        return "/cell"

    def create_subscription(self, kind: Any, topic: str, take: Callable[[DiagnosticArray], None], profile: Any) -> None:
        assert topic == "/diagnostics"
        self.take = take


def test_calibration_is_kept_by_robot_and_others_are_passed_over() -> None:
    node = FakeNode()
    watch = CalibrationWatch(node, ["so101"])
    statuses = [
        status("/cell/driver_node: driver", OK, "active", USED, "so101"),
        status("/cell/driver_node: driver", OK, "active", USED, "somebody"),
        status("/elsewhere/driver_node: driver", OK, "active", {**USED, "calibration_sha256": "other"}, "so101"),
    ]
    node.take(DiagnosticArray(status=statuses))
    assert watch.known == {"so101": {"file": "/c/mine.json", "sha256": "ab12", "written": "2026-01-02T03:04:05Z"}}
    node.take(DiagnosticArray(status=[status("/cell/driver_node: driver", STALE, "not configured", {}, "so101")]))
    assert watch.known["so101"]["sha256"] == "ab12"

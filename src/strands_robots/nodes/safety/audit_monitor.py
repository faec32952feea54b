"""safety_node's look at audit/state: a robot must not move unrecorded without a warning."""

from __future__ import annotations

import time

from rclpy.node import Node
from strands_robots.msg import AuditState

from strands_robots.audit.watches.health import AuditHealth, AuditHealthConfig, OnAuditLoss
from strands_robots.core.errors import ResumeRefusedError
from strands_robots.ros.messages import qos


class AuditMonitor:
    """Hears audit_node, and says what follows when it is silent or cannot write.

    Args:
        node: safety_node.
        on_loss: What shall follow.
    """

    def __init__(self, node: Node, on_loss: OnAuditLoss) -> None:
        self._health = AuditHealth(AuditHealthConfig(), time.monotonic())
        self._on_loss = on_loss
        self._log = node.get_logger()
        self._told = ""
        node.create_subscription(AuditState, "audit/state", self._on_state, qos.STATE)

    def problem(self, now: float) -> str:
        """Return why nothing is recorded, for the state's message; empty when all is well or nothing has to be recorded."""
        problem = "" if self._on_loss is OnAuditLoss.IGNORE else self._health.problem(now)
        kind = problem.partition(" for ")[0]
        if kind != self._told:
            self._told = kind
            if problem:
                self._log.error(problem)
            else:
                self._log.info("recorded again")
        return problem

    def reason_to_stop(self, now: float) -> str:
        """Return why an armed graph is to be stopped; empty when it is not."""
        return self._health.problem(now) if self._on_loss is OnAuditLoss.STOP else ""

    def refuse_resume(self) -> None:
        """Raise ResumeRefusedError when a resume needs a record and there is none."""
        if self._on_loss is OnAuditLoss.STOP and not self._health.is_recorded(time.monotonic()):
            raise ResumeRefusedError(
                "no audit_node that can write is heard; valid: resume when audit/state has no alarm, "
                "or on_audit_loss 'alarm'",
                "not_recorded",
            )

    def _on_state(self, message: AuditState) -> None:
        self._health.see(message.alarm, time.monotonic())

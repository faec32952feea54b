"""Starts and ends of policies in the audit log. A goal that is refused at once has no policy, only its goal events."""

from __future__ import annotations

import hashlib

from rclpy.node import Node

from strands_robots.policies.run.goal_fields import PolicyGoal, RunOutcome
from strands_robots.ros.audit.audit_publisher import audit_of
from strands_robots.ros.messages.conversions import clip


class PolicyAudit:
    """Reports what policy_node's goals become.

    Args:
        node: policy_node.
    """

    def __init__(self, node: Node) -> None:
        self._audit = audit_of(node)

    def started(self, goal: PolicyGoal) -> None:
        """Report that a policy is given a robot."""
        details = {
            "goal": goal.goal_id,
            "policy": goal.policy,
            "config_sha256": hashlib.sha256(goal.config.encode()).hexdigest(),
            "task": goal.task[:256],
            "seed": goal.seed,
            "lockstep": goal.lockstep,
        }
        self._audit.record("policy_start", details, robot=clip(goal.robot, 64), actor=_source(goal))

    def ended(self, goal: PolicyGoal, outcome: RunOutcome) -> None:
        """Report how it ended, and what it sent."""
        details = {
            "goal": goal.goal_id,
            "policy": goal.policy,
            "success": outcome.success,
            "termination_reason": outcome.reason.value,
            "message": clip(outcome.message, 512),
            "chunks": outcome.chunks,
            "steps": outcome.steps,
            "elapsed": outcome.elapsed,
        }
        self._audit.record("policy_end", details, robot=clip(goal.robot, 64), actor=_source(goal))

    def close(self) -> None:
        """Send what is waiting; the node ends."""
        self._audit.close(0.1)


def _source(goal: PolicyGoal) -> str:
    return clip(f"policy/{goal.policy}", 128)

"""Goals of action servers in the audit log: what was asked, and how it ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node

from strands_robots.ros.audit.audit_publisher import audit_of
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.messages.request_digest import described_request, type_name

Execute = Callable[[ServerGoalHandle], Awaitable[Any]]


def audited_goals(
    node: Node,
    kind: Any,
    name: str,
    execute: Execute,
    *,
    robot: str = "",
    actor: str = "",
    ending: Callable[[Any], dict[str, object]] | None = None,
) -> Execute:
    """Return an execute callback that also reports the start and the end of each goal.

    Args:
        node: The node.
        kind: Action type, with a `termination_reason` in its result unless `ending` is given.
        name: Name of the action server, relative to the graph's namespace.
        execute: Carries a goal out and returns its result.
        robot, actor: Whose goals they are, where the goals themselves do not say.
        ending: Says of a result how the goal ended, for results of other packages.
    """
    audit, full = audit_of(node), type_name(kind)
    owner, asker, judge = robot, actor, ending or _ending

    async def run(handle: ServerGoalHandle) -> Any:
        request, goal = handle.request, bytes(handle.goal_id.uuid).hex()
        robot = owner or clip(getattr(request, "robot", ""), 64)
        actor = asker or clip(getattr(request, "source", "") or getattr(request, "owner", ""), 128)
        audit.record(
            "goal_start",
            lambda: {"action": name, "type": full, "goal": goal, **described_request(name, full, request)},
            robot=robot,
            actor=actor,
        )
        ended: dict[str, object] = {"success": False, "termination_reason": "failed", "message": "the node failed"}
        try:
            result = await execute(handle)
            ended = judge(result)
            return result
        finally:
            audit.record("goal_end", {"action": name, "goal": goal, **ended}, robot=robot, actor=actor)

    return run


def _ending(result: Any) -> dict[str, object]:
    return {
        "success": bool(result.success),
        "termination_reason": str(result.termination_reason),
        "message": clip(str(result.message), 512),
        "elapsed": float(getattr(result, "elapsed", 0.0)),
    }

"""Lifecycle nodes that live on when a client asks for a transition that their state does not have."""

from __future__ import annotations

from typing import Any

from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode


def guard_transitions(node: LifecycleNode) -> None:
    """Answer wrong transitions with success=false; without this rclpy raises in the executor, which ends the node.

    Args:
        node: The node, before it is spun.
    """
    name = f"{node.get_fully_qualified_name()}/change_state"
    for service in node.services:
        if service.srv_name == name:
            service.callback = _guarded(node, service.callback)


def _guarded(node: LifecycleNode, change: Any) -> Any:
    def answer(request: Any, response: Any) -> Any:
        try:
            return change(request, response)
        except rclpy_implementation.RCLError:
            asked = request.transition.label or request.transition.id
            node.get_logger().error(
                f"transition {asked!a} is none of the present state; valid: ros2 lifecycle list {node.get_name()}"
            )
            response.success = False
            return response

    return answer

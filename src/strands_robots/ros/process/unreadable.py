"""A message that cannot be read is left out, and ends no node.

Fast DDS drops what it cannot deserialize. With rmw_zenoh_cpp the take itself raises, which left the executor and ended the process: twenty
bytes from any peer ended a robot's node (seen with 0.2.10, 2026-11-30).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from rclpy.executors import Executor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.logging import get_logger

UNREADABLE = rclpy_implementation.RCLError
"""What a take raises."""

CORRUPT = (rclpy_implementation.RCLError, UnicodeDecodeError, RuntimeError)
"""What `deserialize_message` raises."""

_TAKES = ("_take_subscription", "_take_client", "_take_service", "_take_waitable")
_QUIET = 5.0  # [s]

AnyExecutor = TypeVar("AnyExecutor", bound=Executor)


def survive_unreadable(executor: AnyExecutor) -> AnyExecutor:
    """Let an executor of rclpy leave out what it cannot take; return it."""
    for name in _TAKES:
        take = getattr(executor, name, None)
        if take is not None:
            setattr(executor, name, functools.partial(_taken, take))
    return executor


def tell_unreadable(entity: Any, error: Exception) -> None:
    """Say, at most once in five seconds, that something cannot be read."""
    name = next(
        (str(getattr(entity, word)) for word in ("topic_name", "srv_name", "service_name", "_action_name") if hasattr(entity, word)),
        type(entity).__name__,
    )  # fmt: skip
    text = f"a message on {name} cannot be read and is left out: {ascii(str(error))[1:300]}"
    get_logger("executor").warning(text, throttle_duration_sec=_QUIET)


def _taken(take: Callable[[Any], Any], entity: Any) -> Any:
    try:
        return take(entity)
    except UNREADABLE as error:
        tell_unreadable(entity, error)
        return None

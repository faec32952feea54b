"""Calls of plain functions by subscriptions and timers, without the task that rclpy makes for a coroutine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.subscription import Subscription

from strands_robots.ros.process.unreadable import UNREADABLE, tell_unreadable


class DirectCall:
    """One call of a plain function by a subscription or a timer: to the executor the same as a task that ends when it is called."""

    def __init__(self, entity: Any, work: Callable[[Any], None], is_over: Callable[[], bool]) -> None:
        self._entity, self._work, self._is_over = entity, work, is_over

    def __call__(self) -> None:
        """Take what is there and call the function, unless its group is busy or the executor has ended."""
        group = self._entity.callback_group
        if self._is_over() or not group.beginning_execution(self._entity):
            return
        try:
            self._work(self._entity)
        finally:
            group.ending_execution(self._entity)

    def exception(self) -> None:
        """Return None: what the function raises has left the call."""

    def result(self) -> None:
        """Return None, as the function's result is not used."""


def _call_subscription(subscription: Any) -> None:
    try:
        with subscription.handle:
            taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
    except rclpy_implementation.InvalidHandle:  # Destroyed meanwhile.
        return
    except UNREADABLE as error:
        tell_unreadable(subscription, error)
        return
    if taken is not None:
        has_info = subscription._callback_type is not Subscription.CallbackType.MessageOnly
        subscription.callback(*(taken if has_info else taken[:1]))


def _call_timer(timer: Any) -> None:
    try:
        with timer.handle:
            timer.handle.call_timer()
    except rclpy_implementation.InvalidHandle:  # Destroyed meanwhile.
        return
    timer.callback()


DIRECT: dict[str, Callable[[Any], None]] = {"subscription": _call_subscription, "timer": _call_timer}
"""Kind of entity -> its call."""


def is_due(timer: Any) -> bool:
    """Return whether a timer is due still: one that was cancelled or destroyed meanwhile is not."""
    try:
        with timer.handle:
            return bool(timer.handle.is_timer_ready())
    except rclpy_implementation.InvalidHandle:
        return False

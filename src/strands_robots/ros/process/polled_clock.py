"""Simulated time for a node that need not wake for each /clock.

rclpy gives every message of /clock to the executor: a hundred wakes a second of a node that does nothing. A node with no timer on
simulated time needs the time only when something else has woken it. So LightExecutor does not wait for /clock; it takes what has
arrived before it calls anything, and `ros_time` takes it for threads. The time is then as new as if each message had been waited for.
"""

from __future__ import annotations

import threading
from typing import Any
from weakref import WeakKeyDictionary

from rclpy.clock import ROSClock
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.time import Time
from rclpy.time_source import TimeSource

_polled: WeakKeyDictionary[Node, PolledClock] = WeakKeyDictionary()

fits_rclpy = {"_clock_sub", "_associated_clocks"} <= {*TimeSource.__init__.__code__.co_names}
"""Whether this rclpy's source of time has the parts that are used here, as in ROS 2 Jazzy."""


class PolledClock:
    """A node's /clock, of which the last message is taken when the time is asked for.

    Args:
        node: The node.
        source: Where rclpy sets the node's clocks.
        subscription: Its subscription to /clock.
    """

    def __init__(self, node: Node, source: Any, subscription: Any) -> None:
        self.subscription = subscription
        self._source = source
        self._lock = threading.Lock()
        self._newest: Any = None
        self._is_new = False
        _polled[node] = self

    def take(self) -> Any:
        """Return the newest message; None before the first. From any thread."""
        with self._lock:
            try:
                handle, kind = self.subscription.handle, self.subscription.msg_type
                with handle:
                    while (found := handle.take_message(kind, False)) is not None:
                        self._newest, self._is_new = found[0], True
            except rclpy_implementation.InvalidHandle:  # Simulated time was switched off.
                pass
            return self._newest

    def set_clocks(self) -> None:
        """Set the node's clocks. By the executor's thread: rclpy's timers read them while it waits."""
        message = self.take()
        with self._lock:
            is_new, self._is_new = self._is_new, False
        if is_new:
            self._source.clock_callback(message)


def polled_clock(node: Node) -> PolledClock | None:
    """Return a node's clock to be polled; None where each message must be waited for, or simulated time is not used."""
    source = getattr(node, "_time_source", None)
    subscription = getattr(source, "_clock_sub", None)
    known = _polled.get(node)
    needs_each = any(isinstance(timer.clock, ROSClock) for timer in list(node.timers))
    if not fits_rclpy or subscription is None or needs_each:
        forget(node)
        return None
    return (
        known if known is not None and known.subscription is subscription else PolledClock(node, source, subscription)
    )


def ros_time(node: Node) -> float:
    """Return a node's ROS time [s]; from any thread."""
    polled = _polled.get(node)
    newest = None if polled is None else polled.take()
    now = node.get_clock().now() if newest is None else Time.from_msg(newest.clock)
    return float(now.nanoseconds * 1e-9)


def forget(node: Node) -> None:
    """Poll a node's clock no more; by the thread of its executor, or when that has ended."""
    known = _polled.pop(node, None)
    if known is not None:
        known.set_clocks()

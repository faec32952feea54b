"""The executor that every node spins."""

from __future__ import annotations

import inspect

from rclpy.context import Context
from rclpy.executors import Executor, SingleThreadedExecutor

from strands_robots.ros.process.unreadable import survive_unreadable

_HANDLER = ["self", "entity", "node", "take_from_wait_list"]
_PARTS = frozenset({"_tasks", "_tasks_lock", "_work_tracker", "_guard", "_sigint_gc", "_cb_iter"})


def fits_rclpy() -> bool:
    """Return whether this rclpy has the parts that are replaced here, in the form of ROS 2 Jazzy."""
    make = getattr(Executor, "_make_handler", None)
    has_handler = make is not None and [*inspect.signature(make).parameters] == _HANDLER
    return has_handler and _PARTS.issubset(Executor.__init__.__code__.co_names)


def make_executor(context: Context | None = None) -> Executor:
    """Return the executor of a node: one thread, callbacks in order; long work belongs to the node's own threads.

    rclpy's own SingleThreadedExecutor is used where this rclpy is not the one that LightExecutor was made for. rclpy's experimental
    EventsExecutor is not used: in rclpy 7.1.6, with a timer on simulated time and a /clock that stands still, timers on steady time were
    not called, a fifth of a core was busy, and `spin_until_future_complete` did not return.

    A coroutine is polled whenever the executor wakes. One that a service or subscription runs keeps its whole
    callback group waiting, so only an action server's execute callback may be one; the code that finishes its future from
    another thread calls `wake()` on the executor.
    """
    if not fits_rclpy():
        return survive_unreadable(SingleThreadedExecutor(context=context))
    from strands_robots.ros.process.light_executor import LightExecutor  # Imports what other distributions do not have.

    return survive_unreadable(LightExecutor(context=context))

"""The executor that every node spins."""

from __future__ import annotations

import inspect
from typing import Any

from rclpy.context import Context
from rclpy.executors import Executor, SingleThreadedExecutor
from rclpy.task import Future

from strands_robots.ros.process.unreadable import survive_unreadable

_HANDLER = ["self", "entity", "node", "take_from_wait_list"]
_PARTS = frozenset({"_tasks", "_tasks_lock", "_work_tracker", "_guard", "_sigint_gc", "_cb_iter"})


class AwakenedExecutor(SingleThreadedExecutor):
    """rclpy's own executor, which goes on when the future that it is spun for is done.

    Humble's goes on only when there is something to call: a node that nothing else woke did not notice the signal that should end it.
    Source: rclpy 3.3, rclpy/executors.py, SingleThreadedExecutor.spin_once_until_future_complete.
    """

    def __init__(self, *, context: Context | None = None) -> None:
        super().__init__(context=context)
        self._watched: Any = None

    def spin_once_until_future_complete(self, future: Future, timeout_sec: Any = None) -> None:
        """Call one callback, or return when the future is done; see rclpy."""
        if future is not self._watched:
            self._watched = future
            future.add_done_callback(lambda _: self.create_task(_nothing))
        super().spin_once_until_future_complete(future, timeout_sec)


def fits_rclpy() -> bool:
    """Return whether this rclpy has the parts that are replaced here, in the form of ROS 2 Jazzy."""
    make = getattr(Executor, "_make_handler", None)
    has_handler = make is not None and [*inspect.signature(make).parameters] == _HANDLER
    return has_handler and _PARTS.issubset(Executor.__init__.__code__.co_names)


def make_executor(context: Context | None = None) -> Executor:
    """Return the executor of a node: one thread, callbacks in order; long work belongs to the node's own threads.

    rclpy's own is used where this rclpy is not the one that LightExecutor was made for. rclpy's experimental
    EventsExecutor is not used: in rclpy 7.1.6, with a timer on simulated time and a /clock that stands still, timers on steady time were
    not called, a fifth of a core was busy, and `spin_until_future_complete` did not return.

    A coroutine is polled whenever the executor wakes. One that a service or subscription runs keeps its whole
    callback group waiting, so only an action server's execute callback may be one; the code that finishes its future from
    another thread calls `wake()` on the executor.
    """
    if not fits_rclpy():
        return survive_unreadable(AwakenedExecutor(context=context))
    from strands_robots.ros.process.light_executor import LightExecutor  # Imports what other distributions do not have.

    return survive_unreadable(LightExecutor(context=context))


def _nothing() -> None:
    """Be something to call."""

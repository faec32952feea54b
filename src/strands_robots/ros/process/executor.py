"""The executor that every node spins."""

from __future__ import annotations

from rclpy.context import Context
from rclpy.executors import Executor, SingleThreadedExecutor


def make_executor(context: Context | None = None) -> Executor:
    """Return the executor of a node: one thread, callbacks in order; long work belongs to the node's own threads.

    rclpy's experimental EventsExecutor is not used: in rclpy 7.1.5, with a timer on simulated time, it kept a core
    busy and did not return from `spin_until_future_complete`.

    A coroutine is polled whenever the executor wakes. One that a service or subscription runs keeps its whole
    callback group waiting, so only an action server's execute callback may be one; the code that finishes its future from
    another thread calls `wake()` on the executor.
    """
    return SingleThreadedExecutor(context=context)

"""The executor that every node spins."""

from __future__ import annotations

from rclpy.context import Context
from rclpy.executors import Executor, SingleThreadedExecutor


def make_executor(context: Context | None = None) -> Executor:
    """Return the executor of a node: one thread, callbacks in order; long work belongs to the node's own threads.

    rclpy's experimental EventsExecutor is not used: in rclpy 7.1.5, with a timer on simulated time, it kept a core busy and did not return from
    `spin_until_future_complete`. Futures that a coroutine awaits are not used either: set from another thread they stalled both executors.
    """
    return SingleThreadedExecutor(context=context)

"""The executor that every node spins."""

from __future__ import annotations

from rclpy.executors import Executor, SingleThreadedExecutor


def make_executor() -> Executor:
    """Return the executor of a node: one thread, callbacks in order; long work belongs to the node's own threads."""
    return SingleThreadedExecutor()

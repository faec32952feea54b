"""A way for other threads to have the executor's thread do something, and to wait for a service's answer."""

from __future__ import annotations

import threading
from typing import Any, TypeVar

from rclpy.client import Client
from rclpy.node import Node

from strands_robots.core.work_queue import WorkQueue
from strands_robots.ros.calls.executor_calls import ExecutorCalls

T = TypeVar("T")

CALL_TIMEOUT = 30.0


class ExecutorDoor:
    """Runs orders one after the other in a thread of its own; from there they may reach into the executor's thread.

    Args:
        node: The node.
        name: Name of the thread.
    """

    def __init__(self, node: Node, name: str) -> None:
        self._queue = WorkQueue(name)
        self._calls = ExecutorCalls(node)
        self.order = self._queue.submit
        self.inside = self._calls.wait
        self.stop = self._queue.stop

    def ask(self, client: Client, request: Any, timeout: float, attempts: int = 3) -> Any:
        """Return a service's answer, or None when it is not there or does not answer; for questions that change nothing.

        Args:
            client: The client.
            request: The request.
            timeout: How long one attempt waits [s].
            attempts: How often it is asked.
        """
        if not client.service_is_ready():
            return None
        for _ in range(attempts):
            answered = threading.Event()
            future = client.call_async(request)
            future.add_done_callback(lambda _, event=answered: event.set())
            if answered.wait(timeout):
                return future.result()
            client.remove_pending_request(future)
        return None

"""A way for other threads to have the executor's thread do something, and to wait for a service's answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar

from rclpy.client import Client
from rclpy.node import Node

from strands_robots.core.errors import StrandsRobotsError, WorldError

T = TypeVar("T")

CALL_TIMEOUT = 30.0


class ExecutorDoor:
    """Runs orders one after the other in a thread of its own; from there they may reach into the executor's thread.

    Args:
        node: The node.
        name: Name of the thread.
    """

    def __init__(self, node: Node, name: str) -> None:
        self._node = node
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    def order(self, work: Callable[[], T]) -> Future[T]:
        """Have the thread do something, after what was ordered before."""
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(work())
            except (StrandsRobotsError, OSError) as error:
                answer.set_exception(error)

        self._pool.submit(run)
        return answer

    def stop(self) -> None:
        """Take no more orders; what waits is not done."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def inside(self, function: Callable[[], T]) -> T:
        """Have the executor's thread call a function, and return what it returns; not to be called from that thread.

        Raises:
            StrandsRobotsError: What the function raises.
        """
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(function())
            except StrandsRobotsError as error:
                answer.set_exception(error)

        executor = self._node.executor
        if executor is None:
            raise WorldError("the node does not spin")
        executor.create_task(run)
        executor.wake()
        try:
            return answer.result(CALL_TIMEOUT)
        except FutureTimeoutError:
            raise WorldError("the node is ending") from None

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

"""Calls from other threads into the executor's, where publishers and subscriptions are made."""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from rclpy.node import Node

from strands_robots.core.errors import StrandsRobotsError

T = TypeVar("T")


class ExecutorCalls:
    """Runs functions in the thread that spins the node.

    Args:
        node: The node.
    """

    def __init__(self, node: Node) -> None:
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        self._guard = node.create_guard_condition(self._run)

    def call(self, function: Callable[[], T]) -> Future[T]:
        """Have the executor call a function; returns its future answer."""
        answer: Future[T] = Future()
        self._calls.put((function, answer))
        self._guard.trigger()
        return answer

    def _run(self) -> None:
        while not self._calls.empty():
            function, answer = self._calls.get()
            try:
                answer.set_result(function())
            except StrandsRobotsError as error:
                answer.set_exception(error)

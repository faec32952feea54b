"""Calls from other threads into the executor's, where publishers and subscriptions are made."""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from typing import Any, TypeVar

from rclpy.node import Node

from strands_robots.core.errors import WorldError
from strands_robots.core.futures import resolve

T = TypeVar("T")

CALL_TIMEOUT = 30.0
"""A node whose executor does not come round in this time is ending [s]."""


class ExecutorCalls:
    """Runs functions in the thread that spins the node.

    Args:
        node: The node.
    """

    def __init__(self, node: Node) -> None:
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        self._guard = node.create_guard_condition(self._run)

    def call(self, function: Callable[[], T]) -> Future[T]:
        """Have the executor call a function; returns its future result, or its error, whatever that is."""
        answer: Future[T] = Future()
        self._calls.put((function, answer))
        self._guard.trigger()
        return answer

    def wait(self, function: Callable[[], T]) -> T:
        """Have the executor call a function and return what it returns; not from the executor's own thread.

        Raises:
            WorldError: If the node is ending.
            BaseException: What the function raises.
        """
        try:
            return self.call(function).result(CALL_TIMEOUT)
        except NotYet:
            raise WorldError("the node is ending") from None

    def _run(self) -> None:
        while not self._calls.empty():
            function, answer = self._calls.get()
            resolve(answer, function)

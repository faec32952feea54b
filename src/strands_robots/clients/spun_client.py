"""A client of the graph that a thread of its own spins, for programs that call from several threads."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any

from rclpy.exceptions import InvalidHandle
from rclpy.qos import QoSProfile
from rclpy.task import Future

from strands_robots.clients.client import GraphClient, NoAnswerError
from strands_robots.core.errors import StrandsRobotsError

FIND_TIMEOUT = 3.0
END_TIMEOUT = 5.0


class SpunClient:
    """Calls services from any thread. `close` ends it.

    Args:
        namespace: The graph's namespace; empty for the root.

    Raises:
        ConfigurationError: If ROS refuses to start.
    """

    def __init__(self, namespace: str = "") -> None:
        self.graph = GraphClient(namespace)
        self.node = self.graph.node
        self._is_closing = False
        self._clients: dict[tuple[str, Any], Any] = {}
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._spin, name="graph client", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Leave the graph."""
        self._is_closing = True
        self._thread.join(END_TIMEOUT)
        self.graph.close()

    def call(self, kind: Any, name: str, request: Any, timeout: float, find_timeout: float = FIND_TIMEOUT) -> Any:
        """Call a service and return its response; its client is kept for the next call.

        Raises:
            NoAnswerError: If it is not there or does not answer in time.
        """
        client = self.client(kind, name)
        if not wait_until(client.service_is_ready, find_timeout):
            raise NoAnswerError(self.graph.absent("service", client.srv_name))
        return result_of(client.call_async(request), timeout, f"service {client.srv_name}")

    def client(self, kind: Any, name: str) -> Any:
        """Return the one client of a service."""
        with self._lock:
            found = self._clients.get((name, kind))
            if found is None:
                found = self._clients[name, kind] = self.node.create_client(kind, name)
            return found

    def latest(self, kind: Any, topic: str, profile: QoSProfile, timeout: float) -> Any:
        """Return the next message of a topic, or the last one of a latched topic.

        Raises:
            NoAnswerError: If none comes in time.
        """
        heard: list[Any] = []
        has_come = threading.Event()

        def on_message(message: Any) -> None:
            heard.append(message)
            has_come.set()

        subscription = self.node.create_subscription(kind, topic, on_message, profile)
        try:
            if not has_come.wait(timeout):
                raise NoAnswerError(f"topic {topic} was silent for {timeout:g} s")
            return heard[0]
        finally:
            self.node.destroy_subscription(subscription)

    def in_executor(self, call: Callable[[], Any], what: str) -> Any:
        """Return what a call returns that the spinning thread makes.

        An action client forgets an answer that comes before the call that asked for it has returned.
        """
        assert self.node.executor is not None
        return result_of(self.node.executor.create_task(call), FIND_TIMEOUT, what)

    def _spin(self) -> None:
        while not self._is_closing:
            try:
                self.graph.spin_until(lambda: self._is_closing, math.inf)
            except InvalidHandle:
                continue  # Another thread destroyed a subscription while it was put into the wait set (rclpy's event handlers).


def result_of(future: Future[Any], timeout: float, what: str) -> Any:
    """Return a future's result, from a thread that does not spin.

    Raises:
        NoAnswerError: If it is not there in time.
    """
    is_done = threading.Event()
    future.add_done_callback(lambda _: is_done.set())
    if not is_done.wait(timeout):
        raise NoAnswerError(f"{what} did not answer within {timeout:g} s")
    try:
        return future.result()
    except (RuntimeError, StrandsRobotsError) as error:
        raise NoAnswerError(f"{what} failed: {ascii(str(error))[1:200]}") from error


def wait_until(condition: Callable[[], bool], timeout: float) -> bool:
    """Return whether a condition came true in time [s]; it is asked every few milliseconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True

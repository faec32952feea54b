"""Services whose answer comes from another thread, later, without keeping the executor."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from rclpy.node import Node
from rclpy.service import Service

from strands_robots.core.errors import StrandsRobotsError
from strands_robots.core.futures import log_mistake
from strands_robots.core.text import printable
from strands_robots.ros.audit.service_audit import audited


def create_deferred_service(
    node: Node, kind: Any, name: str, callback: Callable[[Any], Future[Any]], refuse: Callable[[str], Any]
) -> Service:
    """Create a service that is answered when a future is done, from the thread that finishes it; audited if it changes
    anything (audit/watches/services.py).

    rclpy's own way, a coroutine that awaits, is polled by its executors; here the answer goes out at once.

    Args:
        node: The node.
        kind: Service type.
        name: Name of the service.
        callback: Takes the request and returns the future response. Whatever it or the future raises is answered as a refusal;
            what is no StrandsRobotsError is logged with its traceback too.
        refuse: Makes the response that says that something was wrong, in the given words.
    """
    lock = threading.Lock()
    callback = audited(node, kind, name, callback)

    def on_request(request: Any, response: Any) -> Future[Any]:
        try:
            return callback(request)
        except Exception as error:  # noqa: BLE001 - one bad request must not end the process that holds the motors
            answer: Future[Any] = Future()
            answer.set_exception(error)
            return answer

    service = node.create_service(kind, name, on_request)
    send = service.send_response

    def send_later(answer: Future[Any], header: Any) -> None:
        answer.add_done_callback(lambda done: send_now(done, header))

    def send_now(done: Future[Any], header: Any) -> None:
        error = done.exception()
        with lock:
            send(refuse(in_words(error)) if error is not None else done.result(), header)

    def in_words(error: BaseException) -> str:
        if isinstance(error, (StrandsRobotsError, OSError)):
            return str(error)
        log_mistake(error)
        what = f"{type(error).__name__}: {printable(str(error))}"[:500]
        return f"{name}: internal error ({what}); please report it, the node's log has the traceback"

    service.send_response = send_later
    return service

"""A question to a service from a thread that may wait."""

from __future__ import annotations

import threading
from typing import Any

from rclpy.client import Client


def ask_service(client: Client, request: Any, timeout: float, attempts: int = 3) -> Any:
    """Return a service's answer, or None when it is not there or does not answer; for questions that change nothing.

    Not from the executor's own thread.

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

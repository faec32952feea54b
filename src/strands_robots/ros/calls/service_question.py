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
    return ask_repeatedly(client, request, timeout, attempts) if client.service_is_ready() else None


def ask_repeatedly(client: Client, request: Any, timeout: float, attempts: int) -> Any:
    """Return a service's answer, or None when none came; whether the service is there is not looked at. See `ask_service`."""
    for _ in range(attempts):
        answered = threading.Event()
        future = client.call_async(request)
        future.add_done_callback(lambda _, event=answered: event.set())
        if answered.wait(timeout):
            return future.result()
        client.remove_pending_request(future)
    return None

"""The thread of a client outlives what others destroy under its hands."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

from rclpy.exceptions import InvalidHandle

from strands_robots.clients.spun_client import SpunClient


def test_subscription_destroyed_while_the_thread_waits_does_not_end_it() -> None:
    client = SpunClient.__new__(SpunClient)
    client._is_closing = False
    turns: list[int] = []

    def spin_until(is_over: Callable[[], bool], timeout: float) -> bool:
        turns.append(len(turns))
        if len(turns) < 3:
            raise InvalidHandle("destroyed")
        client._is_closing = True
        return is_over()

    client.graph = SimpleNamespace(spin_until=spin_until)  # type: ignore[assignment]
    client._spin()
    assert turns == [0, 1, 2]

"""A request that meets a mistake of ours is answered in words, and the node lives."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from strands_robots.srv import GetWorldState

from strands_robots.core.errors import ConfigurationError
from strands_robots.ros.calls.deferred_service import create_deferred_service
from strands_robots.ros.calls.responses import refusal


class Desk:
    """Stands where a node is wanted; keeps what is sent."""

    def __init__(self, callback: Callable[[Any], Future[Any]]) -> None:
        self.sent: list[Any] = []
        node: Any = self
        self.service: Any = create_deferred_service(
            node, GetWorldState, "world/get_state", callback, refusal(GetWorldState)
        )

    def create_service(self, kind: Any, name: str, callback: Any) -> Any:
        self.callback = callback
        return SimpleNamespace(send_response=lambda response, header: self.sent.append(response))

    def ask(self) -> Any:
        self.service.send_response(self.callback(GetWorldState.Request(), None), "header")
        return self.sent[-1]


def at_once(error: Exception) -> Callable[[Any], Future[Any]]:
    def callback(request: Any) -> Future[Any]:
        raise error

    return callback


def later(error: Exception) -> Callable[[Any], Future[Any]]:
    def callback(request: Any) -> Future[Any]:
        answer: Future[Any] = Future()
        answer.set_exception(error)
        return answer

    return callback


@pytest.mark.parametrize("way", [at_once, later])
def test_refusal_is_answered_in_its_own_words(way: Any) -> None:
    desk = Desk(way(ConfigurationError("rate is 0; valid: above 0")))
    answer = desk.ask()
    assert (answer.success, answer.message) == (False, "rate is 0; valid: above 0")


@pytest.mark.parametrize("way", [at_once, later])
def test_mistake_of_ours_is_answered_and_logged_with_its_traceback(way: Any, caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(way(OverflowError("cannot convert float infinity to integer \u221e")))
    answer = desk.ask()
    assert not answer.success and answer.message.isascii()
    assert "OverflowError: cannot convert float infinity" in answer.message
    assert "OverflowError" in caplog.text and len(caplog.records) == 1

"""A stop of a program: by the topic first, and with the robots' own word when safety_node says nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from strands_robots.msg import GateState

import strands_robots.clients.quick_stop as module
from strands_robots.core.errors import NoAnswerError


class FakeClient:
    """A graph with robots whose gates say what `gates` has; safety_node answers `answer`."""

    def __init__(self, answer: Any, **gates: GateState) -> None:
        self.answer, self.gates, self.done = answer, gates, list[str]()
        self.node = SimpleNamespace(create_publisher=lambda *given: SimpleNamespace(publish=self.published))

    def published(self, message: Any) -> None:
        self.done.append(f"topic: {message.source} {message.reason}")

    def client(self, kind: Any, name: str) -> None:
        """Found in advance."""

    def call(self, kind: Any, name: str, request: Any, *waits: float) -> Any:
        self.done.append(f"service: {request.source} {request.reason}")
        if self.answer is None:
            raise NoAnswerError("safety/stop did not answer")
        return self.answer

    def latest(self, kind: Any, topic: str, *more: Any) -> GateState:
        robot = topic.partition("/")[0]
        if robot not in self.gates:
            raise NoAnswerError("silent")
        return self.gates[robot]


def stop(monkeypatch: pytest.MonkeyPatch, client: FakeClient, robots: list[str]) -> Any:
    monkeypatch.setattr(module, "robots_on_graph", lambda node: robots)
    return module.QuickStop(client).stop("external/robot", "smoke", 3.0)  # type: ignore[arg-type]


def test_stop_tells_the_robots_before_it_asks_safety_node(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = SimpleNamespace(stop_id=4, message="stopped", at_rest=False, moving=["a"], audited=True)
    client = FakeClient(answer)
    result = stop(monkeypatch, client, ["a"])
    assert client.done == ["topic: external/robot smoke", "service: external/robot smoke"]
    assert (result.stop_id, result.is_at_rest, result.moving, result.is_audited) == (4, False, ("a",), True)


def test_without_safety_node_the_robots_word_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    gates = {"a": GateState(latched=True, at_rest=True), "b": GateState(latched=True, at_rest=False)}
    result = stop(monkeypatch, FakeClient(None, **gates), ["a", "b"])
    assert (result.stop_id, result.is_at_rest, result.moving, result.is_audited) == (0, False, ("b",), False)


@pytest.mark.parametrize("gates", [{}, {"a": GateState(latched=False, at_rest=True)}])
def test_stop_without_evidence_is_an_error_that_names_the_robot(
    monkeypatch: pytest.MonkeyPatch, gates: dict[str, GateState]
) -> None:
    with pytest.raises(NoAnswerError, match="a: no evidence of the stop"):
        stop(monkeypatch, FakeClient(None, **gates), ["a"])


def test_stop_that_nobody_heard_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoAnswerError, match="no robot was found: no evidence"):
        stop(monkeypatch, FakeClient(None), [])

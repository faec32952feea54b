"""What the recorder hears of an agent's turns. No graph: messages are handed over one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strands_robots.msg import AgentEvent

from strands_robots.nodes.recorder.language_subscriber import LanguageSubscriber
from strands_robots.ros.messages import qos


class _Node:
    """Keeps who listens where, and what is published."""

    def __init__(self) -> None:
        self.heard: dict[str, tuple[Any, Any]] = {}
        self.spoken: list[str] = []

    def create_publisher(self, *_: object) -> Any:
        return self

    def publish(self, message: Any) -> None:
        self.spoken.append(message.data)

    def create_subscription(self, _: object, topic: str, callback: Any, profile: Any) -> None:
        self.heard[topic] = callback, profile


def test_turn_that_goes_on_without_a_prompt_is_recorded_as_well() -> None:
    node, rows = _Node(), list[Mapping[str, Any]]()
    LanguageSubscriber(node, lambda _, row: rows.append(row))  # type: ignore[arg-type]
    on_agent, profile = node.heard["agent/events"]
    for kind, text in (
        (AgentEvent.BEGIN, "pick the cube"), (AgentEvent.TEXT, "I "), (AgentEvent.TEXT, "do"), (AgentEvent.APPROVAL_WAITING, "{}"),
        (AgentEvent.END, ""), (AgentEvent.BEGIN, ""), (AgentEvent.TEXT, "done"), (AgentEvent.END, ""),
    ):  # fmt: skip
        on_agent(AgentEvent(kind=kind, text=text))
    assert [row["content"] for row in rows] == ["pick the cube", None, None]
    assert node.spoken == ["I do", "done"]
    assert profile is qos.AGENT_EVENTS, "a turn's text comes in more pieces than a queue of commands holds"

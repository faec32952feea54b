"""Words of the graph for the language columns. Needs the messages of ROS; no graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from strands_robots.msg import AgentEvent, LanguageRow

from strands_robots.nodes.recorder.language_subscriber import LanguageSubscriber


class _Node:
    """Keeps callbacks and what is published."""

    def __init__(self) -> None:
        self.callbacks: dict[str, Callable[[Any], None]] = {}
        self.said: list[str] = []

    def create_publisher(self, *_: Any) -> _Node:
        return self

    def publish(self, message: Any) -> None:
        self.said.append(message.data)

    def create_subscription(self, kind: Any, topic: str, callback: Callable[[Any], None], _: Any) -> None:
        self.callbacks[topic] = callback

    def get_logger(self) -> _Node:
        return self

    def warning(self, *_: Any, **__: Any) -> None: ...


def test_turn_of_an_agent_becomes_rows_and_an_empty_prompt_does_not_end_the_node() -> None:
    node, rows = _Node(), []
    LanguageSubscriber(node, lambda stamp, row: rows.append(row))  # type: ignore[arg-type]
    for kind, text in (
        (AgentEvent.BEGIN, " "), (AgentEvent.BEGIN, "lift it"), (AgentEvent.TEXT, "I "), (AgentEvent.TEXT, "lift"),
        (AgentEvent.TOOL_CALL, "{}"),
    ):  # fmt: skip
        node.callbacks["agent/events"](AgentEvent(kind=kind, text=text, name="move_to"))
    node.callbacks["recorder/language"](LanguageRow(role="robot", style="plan", content="x"))
    assert [row["style"] for row in rows] == ["interjection", None, "plan"]
    assert rows[0]["content"] == "lift it" and node.said == ["I lift"]

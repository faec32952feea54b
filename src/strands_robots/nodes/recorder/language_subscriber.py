"""The words of the graph for the language columns of a recording: recorder/language, and the agent's turns on agent/events.

What a `say` row says goes on to the topic speech, whether an episode is recorded or not: a speech synthesis listens there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rclpy.node import Node
from std_msgs.msg import String
from strands_robots.msg import AgentEvent, LanguageRow

from strands_robots.core.errors import StrandsRobotsError
from strands_robots.dataset.language_rows import agent_row, plain_row, said
from strands_robots.recording.stream import SECOND
from strands_robots.ros.messages import qos


class LanguageSubscriber:
    """Listens to words.

    Args:
        node: The node.
        on_row: Takes the stamp [ns, ROS time], 0 for now, and the row.
    """

    def __init__(self, node: Node, on_row: Callable[[int, Mapping[str, Any]], None]) -> None:
        self._node = node
        self._on_row = on_row
        self._said = ""
        self._speech = node.create_publisher(String, "speech", qos.COMMAND)
        node.create_subscription(LanguageRow, "recorder/language", self._on_language, qos.COMMAND)
        node.create_subscription(AgentEvent, "agent/events", self._on_agent, qos.AGENT_EVENTS)

    def _on_language(self, message: LanguageRow) -> None:
        stamp = message.header.stamp
        try:
            row = plain_row(message.role, message.style, message.content)
        except StrandsRobotsError as error:
            self._node.get_logger().warning(f"recorder/language: {error}", throttle_duration_sec=5.0)
            return
        self._take(stamp.sec * SECOND + stamp.nanosec, row)

    def _take(self, stamp: int, row: Mapping[str, Any]) -> None:
        self._on_row(stamp, row)
        for text in said([row]):
            self._speech.publish(String(data=text))

    def _on_agent(self, message: AgentEvent) -> None:
        """Take a step of the agent's turn; what it says comes in pieces and is one row once it does something else."""
        if message.kind == AgentEvent.TEXT:
            self._said += message.text
            return
        if self._said.strip():
            self._take(0, plain_row("assistant", "", self._said.strip()))
        self._said = ""
        if message.kind == AgentEvent.BEGIN and message.text.strip():  # A turn that goes on has no prompt.
            self._on_row(0, plain_row("user", "interjection", message.text))
        elif message.kind == AgentEvent.TOOL_CALL:
            self._on_row(0, agent_row(message.name, message.text))

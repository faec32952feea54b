"""Listens to the topics of an agent's wake rules, as soon as they have a publisher."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from strands_robots.agent.conversation.wake import RuleWatch
from strands_robots.agent.conversation.wake_rules import WakeRule
from strands_robots.clients.graph_calls import profile_for
from strands_robots.ros.messages.interfaces import load_interface

LOOK_PERIOD = 0.5
DEPTH = 50

OnEvent = Callable[[WakeRule, dict[str, Any]], None]


class WakeSubscriber:
    """Turns messages into events of rules, in the node's executor.

    Args:
        node: The node.
        rules: The rules; nothing is wrong with them.
        on_event: Takes a rule and the data of an event.
    """

    def __init__(self, node: Node, rules: list[WakeRule], on_event: OnEvent) -> None:
        self._node = node
        self._on_event = on_event
        self._missing = [RuleWatch(rule) for rule in rules]
        if self._missing:
            self._timer = node.create_timer(LOOK_PERIOD, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))
            self._look()

    def _look(self) -> None:
        """Subscribe to the topics that are there now, as their publishers publish them."""
        for watch in list(self._missing):
            topic = self._node.resolve_topic_name(watch.rule.heard_name)
            if self._node.count_publishers(topic):
                self._listen(watch, topic)
                self._missing.remove(watch)
        if not self._missing:
            self._timer.cancel()

    def _listen(self, watch: RuleWatch, topic: str) -> None:
        def on_message(message: Any) -> None:
            for data in watch.look(message, time.monotonic()):
                self._on_event(watch.rule, data)

        kind = load_interface(watch.rule.heard_type, "msg")
        self._node.create_subscription(kind, topic, on_message, profile_for(self._node, topic, DEPTH))
        self._node.get_logger().info(f"rule '{watch.rule.name}' listens to {topic}")

"""Publishers for nodes whose executor must be quick."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile

try:
    from rclpy.event_handler import PublisherEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks


SETTLE_TIMEOUT = 0.1
"""A reader that has not taken a message after this long is not waited for any more [s, steady time]."""


def settle(publishers: Iterable[Publisher]) -> None:
    """Wait until every reliable reader has what was published; a reader that is stuck costs `SETTLE_TIMEOUT` each time."""
    for publisher in publishers:
        if publisher.get_subscription_count():
            publisher.wait_for_all_acked(Duration(seconds=SETTLE_TIMEOUT))


def create_publisher(node: Node, kind: Any, topic: str, profile: QoSProfile) -> Publisher:
    """Return a publisher that handles no QoS events.

    The executor waits for every event of every publisher; without them a callback of sim_node costs half the time. Of
    an incompatible quality of service the reader's own node warns.

    Args:
        node: The node.
        kind: Message type.
        topic: Name of the topic.
        profile: Quality of service.
    """
    events = PublisherEventCallbacks(use_default_callbacks=False)
    return node.create_publisher(kind, topic, profile, event_callbacks=events)

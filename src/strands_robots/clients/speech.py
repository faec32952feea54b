"""Says what an episode's `say` rows say, at their times, on the topic speech."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from std_msgs.msg import String

from strands_robots.clients.client import GraphClient
from strands_robots.dataset.language_rows import said
from strands_robots.ros.messages import qos

LISTENER_WAIT = 3.0
"""How long the first words wait for something that listens [s]."""


def speak(client: GraphClient, rows: Sequence[Mapping[str, Any]], tell: Callable[[str], None]) -> int:
    """Publish each row's words when its time has come; return how many were said.

    Args:
        client: Client of the graph.
        rows: Rows of one episode with `timestamp` [s], in order of time.
        tell: Takes each line that is said.
    """
    publisher = client.node.create_publisher(String, "speech", qos.COMMAND)
    client.spin_until(lambda: publisher.get_subscription_count() > 0, LISTENER_WAIT)
    begin, count = time.monotonic(), 0
    for row in rows:
        for text in said([row]):
            client.spin_until(lambda: False, max(begin + float(row["timestamp"]) - time.monotonic(), 0.0))
            publisher.publish(String(data=text))
            tell(text)
            count += 1
    client.node.destroy_publisher(publisher)
    return count

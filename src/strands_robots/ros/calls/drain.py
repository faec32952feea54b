"""Takes what has arrived at a subscription without an executor: a look costs some microseconds for each message."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message

from strands_robots.ros.process.unreadable import CORRUPT, tell_unreadable

WINDOW = 1.0
"""Time over which a rate is counted [s]."""

LONGEST_AGE = 10.0
"""A message that seems to have waited for longer came before the wall clock was set [s]."""


class NeverCalled(CallbackGroup):
    """Group of subscriptions that the node's executor leaves alone and does not wait for; other code calls `take` instead."""

    def can_execute(self, entity: Any) -> bool:
        """Never."""
        return False

    def beginning_execution(self, entity: Any) -> bool:
        """Never."""
        return False

    def ending_execution(self, entity: Any) -> None:
        """Nothing began."""


def take(subscription: Any, kind: Any) -> Iterator[tuple[bytes, Any]]:
    """Yield the bytes of each message that waits at a raw subscription, with what the middleware knows of it."""
    with subscription.handle:
        while (found := subscription.handle.take_message(kind, True)) is not None:
            yield found


class Drained:
    """A topic that is looked at now and then: its last message, and its rate.

    Made for views: messages are taken as bytes and only the last one is decoded, so that a topic of 100 Hz costs little.

    Args:
        node: A node that no executor spins.
        kind: Message type.
        topic: Name of the topic.
        depth: Messages kept between two looks.
        profile: Profile of the reader; best effort by default.
    """

    def __init__(self, node: Node, kind: Any, topic: str, depth: int = 100, profile: QoSProfile | None = None) -> None:
        best_effort = QoSProfile(
            history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=ReliabilityPolicy.BEST_EFFORT
        )
        self._kind = kind
        self._node = node
        self._subscription = node.create_subscription(kind, topic, _nothing, profile or best_effort, raw=True)
        self._counts: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])
        self._data: bytes = b""
        self._message: Any = None
        self.count = 0
        self.heard_at = float("-inf")
        self.source_time = 0.0
        """When the last message was published [s, wall time]."""

    def look(self, on_each: Callable[[Any], None] | None = None) -> int:
        """Take everything that has arrived and return how many messages that were.

        Args:
            on_each: Takes every message decoded, for topics of which the last one is not enough.
        """
        taken, last = 0, None
        for data, info in take(self._subscription, self._kind):
            self._data, last = data, info
            taken += 1
            if on_each is not None:
                on_each(deserialize_message(data, self._kind))
        now = time.monotonic()
        if last is not None:
            self._message = None
            self.heard_at = now
            self.source_time = last["source_timestamp"] * 1e-9
        self.count += taken
        self._counts.append((now, taken))
        while len(self._counts) > 2 and now - self._counts[1][0] > WINDOW:
            self._counts.popleft()
        return taken

    def close(self) -> None:
        """Listen no more; by the thread that looks."""
        self._node.destroy_subscription(self._subscription)

    @property
    def message(self) -> Any:
        """The last message; None before the first."""
        if self._message is None and self._data:
            self._message = deserialize_message(self._data, self._kind)
        return self._message

    @property
    def rate(self) -> float:
        """Messages a second over the last window [Hz]."""
        span = self._counts[-1][0] - self._counts[0][0]
        return sum(count for _, count in list(self._counts)[1:]) / span if span > 0.0 else 0.0


class LateReader:
    """Reads topics of a node that spins, when it is asked to and not at each message: every wake of an executor costs.

    Args:
        node: The node.
        depth: Messages of each topic kept between two looks.
    """

    def __init__(self, node: Node, depth: int = 100) -> None:
        self._node = node
        self._depth = depth
        self._group = NeverCalled()
        self._readers: list[tuple[Any, Any, Callable[[Any], None]]] = []

    def subscribe(self, kind: Any, topic: str, on_message: Callable[[Any], None], profile: QoSProfile) -> None:
        """Read a topic from now on, as `Node.create_subscription` would with this profile."""
        deeper = QoSProfile(
            history=HistoryPolicy.KEEP_LAST, depth=self._depth, reliability=profile.reliability, durability=profile.durability
        )  # fmt: skip
        made = self._node.create_subscription(kind, topic, _nothing, deeper, callback_group=self._group, raw=True)
        self._readers.append((made, kind, on_message))

    def look(self, on_age: Callable[[float], None]) -> None:
        """Call the callbacks of what has arrived, in the order of arrival; what cannot be read is left out, and said.

        A middleware that does not say when a message arrived (Humble's Cyclone DDS) says when it was sent.

        Args:
            on_age: Takes before each call how long ago the message arrived [s].
        """
        now = time.time_ns()
        arrived = [
            (info["received_timestamp"] or info["source_timestamp"] or now, data, reader)
            for reader in self._readers
            for data, info in take(reader[0], reader[1])
        ]
        for at, data, (subscription, kind, on_message) in sorted(arrived, key=lambda one: one[0]):
            try:
                message = deserialize_message(data, kind)
            except CORRUPT as error:
                tell_unreadable(subscription, error)
                continue
            on_age(min(max(1e-9 * (now - at), 0.0), LONGEST_AGE))
            on_message(message)


def _nothing(message: bytes) -> None:
    """Stand where a callback is wanted: no executor spins the node."""

"""foxglove_node: serves every topic of the graph to Foxglove on this machine. Subscribes only to what a client looks at."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from strands_robots.core.errors import StrandsRobotsError
from strands_robots.nodes.foxglove.message_files import installed_definition, message_class
from strands_robots.nodes.foxglove.server import FoxgloveServer
from strands_robots.ros.process.graph_names import topics_of_graph
from strands_robots.ros.process.main import run_node
from strands_robots.ros.process.parameters import parameter, read_parameters

LOOK_PERIOD = 0.5
"""Time between two looks at the graph's topics [s, steady time]."""

FOLLOW_PERIOD = 0.05
"""Time between two looks at what the clients want [s, steady time]."""

MOST_TOPICS = 512


@dataclass(frozen=True)
class FoxgloveParameters:
    """Parameters of foxglove_node."""

    run_id: str = parameter("", "Run of the graph, given by bringup; for the log.")
    port: int = parameter(8765, "Port on 127.0.0.1; 0 for a free one, which the log names.", minimum=0, maximum=65535)


@dataclass
class _Offer:
    """An advertised topic; `lasting` is the last message of one that is said once, for clients that come later."""

    type_name: str
    kind: Any
    subscription: Any = None
    lasting: bytes | None = None


class FoxgloveNode(Node):
    """Advertises the graph's topics, and passes the bytes of those that a client looks at."""

    def __init__(self) -> None:
        super().__init__("foxglove_node")
        given = read_parameters(self, FoxgloveParameters)
        self.server = FoxgloveServer(f"strands_robots {self.get_namespace()}", given.port)
        self._offers: dict[str, _Offer] = {}
        self._refused: set[str] = set()
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(LOOK_PERIOD, self._look, clock=steady)
        self.create_timer(FOLLOW_PERIOD, self._follow, clock=steady)
        self._look()
        self.get_logger().info(f"Foxglove: open connection {self.server.url}, run '{given.run_id}'")

    def destroy_node(self) -> None:
        """End the server, then the node."""
        self.server.close()
        super().destroy_node()

    def _look(self) -> None:
        """Offer what is new on the graph; withdraw what has no publisher any more."""
        there = {
            topic: types[0]
            for topic, types in topics_of_graph(self).items()
            if len(types) == 1
            and "/_" not in topic
            and self.count_publishers(topic)  # not the hidden ones of action servers
        }
        for topic in [topic for topic in self._offers if topic not in there]:
            offer = self._offers.pop(topic)
            if offer.subscription is not None:
                self.destroy_subscription(offer.subscription)
            self.server.withdraw(topic)
        for topic, type_name in there.items():
            if topic not in self._offers and topic not in self._refused and len(self._offers) < MOST_TOPICS:
                self._offer(topic, type_name)

    def _offer(self, topic: str, type_name: str) -> None:
        kind = message_class(type_name)
        try:
            definition = installed_definition(type_name)
        except StrandsRobotsError as error:
            kind, definition = None, str(error)
        if kind is None:
            self._refused.add(topic)
            self.get_logger().warning(f"'{topic}' is not served: {definition}")
            return
        self.server.advertise(topic, type_name, definition)
        self._offers[topic] = _Offer(type_name, kind)

    def _follow(self) -> None:
        """Subscribe to what clients look at, and only to that: no picture is drawn without a viewer."""
        wanted, newcomers = self.server.wanted(), self.server.take_newcomers()
        for topic, offer in self._offers.items():
            if topic in wanted and offer.subscription is None:
                offer.subscription = self.create_subscription(
                    offer.kind, topic, self._passer(topic, offer), self._profile(topic), raw=True
                )
            elif topic not in wanted and offer.subscription is not None:
                self.destroy_subscription(offer.subscription)
                offer.subscription, offer.lasting = None, None
            elif topic in newcomers and offer.lasting is not None:
                self.server.send(topic, offer.lasting, time.time_ns())

    def _passer(self, topic: str, offer: _Offer) -> Callable[[bytes], None]:
        is_lasting = self._is_lasting(topic)

        def take(data: bytes) -> None:
            if is_lasting:
                offer.lasting = bytes(data)
            if topic in self._offers:
                self.server.send(topic, bytes(data), time.time_ns())

        return take

    def _is_lasting(self, topic: str) -> bool:
        """Return whether all publishers keep their messages for late readers."""
        infos = self.get_publishers_info_by_topic(topic)
        return bool(infos) and all(info.qos_profile.durability is DurabilityPolicy.TRANSIENT_LOCAL for info in infos)

    def _profile(self, topic: str) -> QoSProfile:
        """Return a reader's profile: best effort, so that no control loop resends anything for a picture on a screen."""
        is_lasting = self._is_lasting(topic)
        return QoSProfile(
            history=HistoryPolicy.KEEP_LAST,
            depth=100 if is_lasting else 10,
            reliability=ReliabilityPolicy.RELIABLE if is_lasting else ReliabilityPolicy.BEST_EFFORT,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if is_lasting else DurabilityPolicy.VOLATILE,
        )


def main() -> int:
    """Run foxglove_node until a signal."""
    return run_node(FoxgloveNode)


if __name__ == "__main__":
    raise SystemExit(main())

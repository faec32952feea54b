"""What is on one graph: nodes, topics, services and action servers. Names of other graphs in the domain are left out."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy

from strands_robots.clients.client import GraphClient
from strands_robots.core.errors import StrandsRobotsError
from strands_robots.ros.calls.drain import Drained
from strands_robots.ros.messages.interfaces import load_interface
from strands_robots.ros.process.graph_names import nodes_of_graph, scope_of, topics_of_graph

QUIET_TIME = 0.5
"""When nothing new was found for this long, what was found is enough to offer names [s]."""

SURVEY_QUIET_TIME = 1.0
"""The same for what counts as everything [s]."""

LONGEST_SEARCH = 5.0

_HEAVY = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage", "sensor_msgs/msg/PointCloud2")
"""Not measured unasked: a subscription makes another node draw and send pictures."""

_PARAMETER_SERVICES = (
    "/describe_parameters", "/get_parameter_types", "/get_parameters", "/get_type_description", "/list_parameters",
    "/set_parameters", "/set_parameters_atomically",
)  # fmt: skip
_SEND_GOAL = "/_action/send_goal"


@dataclass(frozen=True)
class TopicEntry:
    """One topic.

    Attributes:
        name: Its name.
        types: Types of its endpoints; more than one is a mistake of one of its nodes.
        publishers, subscribers: Their numbers.
        qos: Reliability and durability of the publishers, of the subscribers where there is none.
        rate: Messages a second [Hz]; None where it was not measured.
    """

    name: str
    types: tuple[str, ...]
    publishers: int
    subscribers: int
    qos: str
    rate: float | None = None


@dataclass(frozen=True)
class Survey:
    """Everything that was found; services and action servers as (name, types)."""

    nodes: tuple[str, ...]
    topics: tuple[TopicEntry, ...]
    services: tuple[tuple[str, tuple[str, ...]], ...]
    actions: tuple[tuple[str, tuple[str, ...]], ...]


def wait_for_graph(client: GraphClient, quiet: float = QUIET_TIME, own_nodes: int = 1) -> None:
    """Wait until discovery brings nothing new for a while [s]; where it brings nothing at all, for LONGEST_SEARCH.

    Args:
        client: Client of the graph.
        quiet: The while [s].
        own_nodes: Nodes of this process, which are found at once and say nothing about the others.
    """
    node = client.node
    started = changed = time.monotonic()
    seen: object = None
    while time.monotonic() - started < LONGEST_SEARCH:
        found = (
            sorted(node.get_node_names_and_namespaces()),
            sorted(node.get_topic_names_and_types()),
            sorted(node.get_service_names_and_types()),
        )
        now = time.monotonic()
        if found != seen:
            seen, changed = found, now
        elif now - changed > quiet and len(found[0]) > own_nodes:
            return
        time.sleep(0.02)


def topic_types(client: GraphClient) -> dict[str, tuple[str, ...]]:
    """Return the types of each visible topic of the client's graph by its name."""
    return {name: types for name, types in topics_of_graph(client.node).items() if "/_action/" not in name}


def service_types(client: GraphClient, with_hidden: bool = False) -> dict[str, tuple[str, ...]]:
    """Return the types of each service of the client's graph by its name.

    Those of actions are left out and, unless asked for, those of parameters.
    """
    own, scope = client.node.get_fully_qualified_name() + "/", scope_of(client.node)
    return {
        name: tuple(types)
        for name, types in client.node.get_service_names_and_types()
        if "/_action/" not in name
        and not name.startswith(own)
        and scope.relative(name) is not None
        and (with_hidden or not name.endswith(_PARAMETER_SERVICES))
    }


def action_types(client: GraphClient) -> dict[str, tuple[str, ...]]:
    """Return the types of each action server of the client's graph by its name."""
    suffix, scope = "_SendGoal", scope_of(client.node)
    return {
        name[: -len(_SEND_GOAL)]: tuple(kind[: -len(suffix)] for kind in types)
        for name, types in client.node.get_service_names_and_types()
        if name.endswith(_SEND_GOAL) and scope.relative(name) is not None
    }


def survey(client: GraphClient, measure: float, with_hidden: bool) -> Survey:
    """Return what is on the graph.

    Args:
        client: Client of the graph; no executor spins it meanwhile.
        measure: How long rates are counted [s]; 0 measures none.
        with_hidden: Also services of parameters, /rosout, /parameter_events, and nodes whose names begin with _.
    """
    wait_for_graph(client, SURVEY_QUIET_TIME)
    node = client.node
    own = node.get_fully_qualified_name()
    nodes = {name for name in nodes_of_graph(node) if with_hidden or "/_" not in name} - {own}
    shown = {
        name: types
        for name, types in topic_types(client).items()
        if with_hidden or name not in ("/rosout", "/parameter_events")
    }
    entries = {name: _entry(node, name, types, None) for name, types in shown.items()}
    entries = {name: entry for name, entry in entries.items() if entry.publishers or entry.subscribers}
    rates = _rates(node, entries.values(), measure) if measure > 0.0 else {}
    topics = tuple(
        TopicEntry(entry.name, entry.types, entry.publishers, entry.subscribers, entry.qos, rates.get(name))
        for name, entry in sorted(entries.items())
    )
    return Survey(
        tuple(sorted(nodes)),
        topics,
        tuple(sorted(service_types(client, with_hidden).items())),
        tuple(sorted(action_types(client).items())),
    )


def _entry(node: Node, name: str, types: tuple[str, ...], rate: float | None) -> TopicEntry:
    publishers = node.get_publishers_info_by_topic(name)
    subscribers = [
        info
        for info in node.get_subscriptions_info_by_topic(name)
        if (info.node_name, info.node_namespace) != (node.get_name(), node.get_namespace())
    ]
    profiles = {qos_words(info.qos_profile) for info in publishers or subscribers}
    return TopicEntry(name, types, len(publishers), len(subscribers), " or ".join(sorted(profiles)), rate)


def qos_words(profile: object) -> str:
    """Return reliability and durability of a profile; depth and history are not told by discovery."""
    reliable = getattr(profile, "reliability", None) == ReliabilityPolicy.RELIABLE
    lasting = getattr(profile, "durability", None) == DurabilityPolicy.TRANSIENT_LOCAL
    return f"{'reliable' if reliable else 'best effort'}, {'transient local' if lasting else 'volatile'}"


def _rates(node: Node, entries: Iterable[TopicEntry], duration: float) -> dict[str, float]:
    """Count the messages of every topic that is published and light."""
    watched: dict[str, Drained] = {}
    for entry in entries:
        if not entry.publishers or len(entry.types) != 1 or entry.types[0] in _HEAVY:
            continue
        try:
            kind = load_interface(entry.types[0], "msg")
        except StrandsRobotsError:
            continue  # Not installed here; its line says so by having no rate.
        watched[entry.name] = Drained(node, kind, entry.name, depth=2000)
    settle = time.monotonic() + 0.3
    while time.monotonic() < settle:
        time.sleep(0.05)
    for topic in watched.values():
        topic.look()
    started = {name: (topic.count, time.monotonic()) for name, topic in watched.items()}
    time.sleep(duration)
    rates = {}
    for name, topic in watched.items():
        topic.look()
        before, at = started[name]
        rates[name] = (topic.count - before) / (time.monotonic() - at)
    return rates

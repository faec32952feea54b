"""Talking to anything on the graph by name: hear, publish, call, send goals."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from strands_robots.clients.client import GraphClient, NoAnswerError
from strands_robots.clients.client_goal import client_goal
from strands_robots.clients.graph_survey import action_types, service_types, topic_types, wait_for_graph
from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.ros.calls.drain import Drained, take
from strands_robots.ros.messages.interfaces import load_interface
from strands_robots.ros.messages.message_values import fill_message
from strands_robots.ros.process.graph_names import scope_of

FIND_TIMEOUT = 5.0

GOAL_STATES: Mapping[int, str] = {0: "unknown", 4: "succeeded", 5: "cancelled", 6: "aborted"}
"""Source: action_msgs/GoalStatus."""

Names = Callable[[GraphClient], Mapping[str, tuple[str, ...]]]


def resolve(client: GraphClient, what: str, given: str, names: Names, kind: str, wanted: str = "") -> tuple[str, Any]:
    """Return the full name and the class of something on the graph.

    Args:
        client: Client of the graph; a name without a slash in front is one in its namespace.
        what: "topic", "service" or "action server", for errors.
        given: Its name.
        names: Finds what there is.
        kind: "msg", "srv" or "action".
        wanted: Type to take when no endpoint on the graph says one; empty to wait for an endpoint.

    Raises:
        UnknownNameError: If it is not there, with the names that are; NoAnswerError if nothing is.
        ConfigurationError: If it has several types, or is of another graph.
    """
    name = given if given.startswith("/") else f"{client.node.get_namespace().rstrip('/')}/{given}"
    _check_own(client, what, name)
    if wanted:
        return name, load_interface(wanted, kind)
    deadline = time.monotonic() + FIND_TIMEOUT
    while name not in (found := names(client)):
        if time.monotonic() > deadline:
            raise UnknownNameError(what, name, found) if found else NoAnswerError(client.absent(what, name))
        time.sleep(0.04)
    if len(found[name]) != 1:
        raise ConfigurationError(f"{what} {name} has the types {', '.join(found[name])}; give --type")
    return name, load_interface(found[name][0], kind)


def _check_own(client: GraphClient, what: str, name: str) -> None:
    """Raise ConfigurationError for a name of another graph: its robots are reached with its own namespace only."""
    scope = scope_of(client.node)
    if not scope.namespace and name.count("/") > 1 and scope.relative(name) is not None:
        wait_for_graph(client)  # Which names below the root are another graph's is known once that was found.
        scope = scope_of(client.node)
    if scope.relative(name) is None:
        other = scope.owner(name)
        hint = f"--namespace {other}" if other else "a name in it, or another --namespace"
        raise ConfigurationError(f"{what} {name} is not one of graph '{scope.title}'; valid: {hint}")


def reader_profile(client: GraphClient, topic: str, depth: int) -> QoSProfile:
    """Return a reader's profile that matches every publisher of a topic."""
    return profile_for(client.node, topic, depth)


def profile_for(node: Node, topic: str, depth: int) -> QoSProfile:
    """Return the same for a node."""
    profiles = [info.qos_profile for info in node.get_publishers_info_by_topic(topic)]
    reliable = bool(profiles) and all(entry.reliability == ReliabilityPolicy.RELIABLE for entry in profiles)
    lasting = bool(profiles) and all(entry.durability == DurabilityPolicy.TRANSIENT_LOCAL for entry in profiles)
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if lasting else DurabilityPolicy.VOLATILE,
    )


def hear(client: GraphClient, given: str, wanted: str, wait: float) -> Iterator[Any]:
    """Yield every message of a topic.

    Args:
        client: Client of the graph.
        given: The topic.
        wanted: Its type, where no endpoint says it yet.
        wait: Longest silence [s]; infinite to wait for ever.

    Raises:
        NoAnswerError: After the silence.
    """
    name, kind = resolve(client, "topic", given, topic_types, "msg", wanted)
    heard: list[Any] = []
    topic = Drained(client.node, kind, name, profile=reader_profile(client, name, 100))
    last = time.monotonic()
    while True:
        if topic.look(heard.append):
            last = time.monotonic()
            yield from heard
            heard.clear()
        elif time.monotonic() - last > wait:
            raise NoAnswerError(f"topic {name} was silent for {wait:g} s")
        else:
            time.sleep(0.01)


def arrivals(client: GraphClient, given: str, window: float) -> Iterator[list[float]]:
    """Yield, after each window [s], when the messages of a topic were published in it [s].

    Only the bytes are taken, so that fast topics of large messages are counted right.
    """
    name, kind = resolve(client, "topic", given, topic_types, "msg")
    profile = reader_profile(client, name, 2000)
    subscription = client.node.create_subscription(kind, name, lambda message: None, profile, raw=True)
    stamps: list[float] = []
    found = time.monotonic() + FIND_TIMEOUT
    while not stamps and time.monotonic() < found:  # The first window begins with the first message.
        time.sleep(0.005)
        stamps = [info["source_timestamp"] * 1e-9 for _, info in take(subscription, kind)]
    while True:
        end = time.monotonic() + window
        while time.monotonic() < end:
            stamps += [info["source_timestamp"] * 1e-9 for _, info in take(subscription, kind)]
            time.sleep(0.005)
        yield stamps
        stamps = stamps[-1:]


def publish(client: GraphClient, given: str, kind_name: str, values: Any, rate: float, count: int) -> int:
    """Publish a message some times, once there is a subscriber, and return how many subscribers there are.

    Args:
        client: Client of the graph.
        given: The topic.
        kind_name: Its type; empty to take that of the graph.
        values: The message's fields.
        rate: Messages a second [Hz].
        count: How many; 0 for ever.
    """
    name, kind = resolve(client, "topic", given, topic_types, "msg", kind_name)
    message = fill_message(kind(), values)
    publisher = client.node.create_publisher(kind, name, 10)
    deadline = time.monotonic() + FIND_TIMEOUT
    while not publisher.get_subscription_count() and time.monotonic() < deadline:
        time.sleep(0.01)
    sent, due = 0, time.monotonic()
    while not count or sent < count:
        publisher.publish(message)
        sent, due = sent + 1, due + 1.0 / rate
        if sent != count:
            time.sleep(max(due - time.monotonic(), 0.0))
    listeners = int(publisher.get_subscription_count())
    if listeners:
        publisher.wait_for_all_acked()
    return listeners


def call_service(client: GraphClient, given: str, values: Any, wanted: str, timeout: float) -> Any:
    """Call a service and return its response; raises NoAnswerError when it does not come in time."""
    name, kind = resolve(client, "service", given, lambda graph: service_types(graph, True), "srv", wanted)
    return client.call(kind, name, fill_message(kind.Request(), values), timeout, FIND_TIMEOUT)


def send_goal(
    client: GraphClient, given: str, values: Any, wanted: str, on_feedback: Callable[[Any], None]
) -> tuple[str, Any]:
    """Send a goal and return how it ended, as in GOAL_STATES, and its result. Ctrl-C cancels it and waits for the end.

    Action servers of this package end the goal when this process is gone (`owned_goal`).

    Raises:
        NoAnswerError: If the server refuses the goal, is not there, or goes away.
    """
    name, kind = resolve(client, "action server", given, action_types, "action", wanted)
    goal = fill_message(kind.Goal(), values)
    refused = NoAnswerError(f"{name} refused the goal")
    with client_goal(client, kind, name, goal, on_feedback, refused, f"{name} is gone") as running:
        answer = running.result(lambda _: None)
        return GOAL_STATES.get(answer.status, str(answer.status)), answer.result


def known_names(client: GraphClient, what: str) -> list[str]:
    """Return the names of the topics, services or actions of the graph, for completion."""
    wait_for_graph(client)
    finders: Mapping[str, Names] = {"topics": topic_types, "services": service_types, "actions": action_types}
    return sorted(finders[what](client))


def request_prototype(client: GraphClient, what: str, given: str) -> Any:
    """Return the empty request of a service, or the empty goal of an action server."""
    if what == "services":
        return resolve(client, "service", given, lambda graph: service_types(graph, True), "srv")[1].Request()
    return resolve(client, "action server", given, action_types, "action")[1].Goal()

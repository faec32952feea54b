"""The names of one graph in a domain that several share, and the standard topics that are moved into its namespace."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

from rclpy.node import Node

from strands_robots.core.graph_scope import SHARED_TOPICS, GraphScope

_scopes: WeakKeyDictionary[Node, GraphScope] = WeakKeyDictionary()


def scope_of(node: Node) -> GraphScope:
    """Return what belongs to the graph in whose namespace a node is, as the domain is now."""
    scope = _scopes.setdefault(node, GraphScope(node.get_namespace()))
    scope.learn(node.get_topic_names_and_types())
    scope.learn(node.get_service_names_and_types())
    return scope


def topics_of_graph(node: Node) -> dict[str, tuple[str, ...]]:
    """Return the types of each topic of the node's graph, by its full name."""
    scope = scope_of(node)
    found = node.get_topic_names_and_types()
    return {name: tuple(types) for name, types in found if scope.relative(name) is not None}


def nodes_of_graph(node: Node) -> list[str]:
    """Return the full names of the nodes of the node's graph; a node in the namespace "/" of a root graph is its own."""
    scope = scope_of(node)
    found = node.get_node_names_and_namespaces()
    names = (f"{namespace.rstrip('/')}/{name}" for name, namespace in found)
    return sorted(name for name in names if scope.relative(name) is not None)


def shared_remappings(namespace: str) -> list[str]:
    """Return the words that move /clock and its like into a namespace; none for the root.

    rclpy hears simulated time on the absolute /clock whatever the node's namespace is.
    """
    place = namespace.strip("/")
    if not place:
        return []
    return ["--ros-args", *(word for topic in SHARED_TOPICS for word in ("-r", f"{topic}:=/{place}{topic}"))]


def namespace_in(arguments: Sequence[str]) -> str:
    """Return the namespace that a node's command line gives it; empty for none."""
    found = [word.partition(":=")[2] for word in arguments if word.startswith("__ns:=")]
    return found[-1].strip("/") if found else ""

"""A client of the graph that was made before a command asks for it. One for a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from strands_robots.clients.client import GraphClient

_prepared: dict[str, GraphClient] = {}


def prepare(namespace: str) -> None:
    """Make a client of a graph and keep it; raises as GraphClient does."""
    from strands_robots.clients.client import GraphClient

    _prepared[namespace.strip("/")] = GraphClient(namespace)


def take(namespace: str) -> GraphClient | None:
    """Return the client of a graph, once; None where none is kept."""
    return _prepared.pop(namespace.strip("/"), None)


def close_rest() -> None:
    """Leave the graph where no command has taken the client."""
    while _prepared:
        _prepared.popitem()[1].close()

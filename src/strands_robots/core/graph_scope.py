"""What belongs to one graph: the names in its namespace, without those of other graphs further down. No I/O.

Several graphs share a ROS domain, each in a namespace of its own. A graph is known by what only a graph has: its
supervisor's names, and robots one level below it. The root's namespace holds the names of all others, so that a graph
in it must know which are not its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

SHARED_TOPICS = ("/clock", "/tf", "/tf_static", "/diagnostics")
"""Standard topics with absolute names; a graph in a namespace has its own, `/<namespace>/clock` and so on."""

_MARKS = {
    "strands_robots/msg/SafetyState": "/safety/state",
    "strands_robots/srv/StopGraph": "/safety/stop",
    "strands_robots/msg/GateState": "/gate_state",
}
"""End of the name, two words below its graph, by the type that gives a graph away."""

NOT_ON_GRAPH = ("lerobot/",)
"""Packages of requests that are commands of the agent's machine and no names on the graph."""


def relative_name(namespace: str, name: str, kind: str = "") -> str | None:
    """Return a name as seen from a namespace; None when it lies outside.

    Args:
        namespace: The graph's namespace, with or without slashes at its ends; empty for the root.
        name: Full name on the graph, with or without the leading "/".
        kind: Full type; a command of the agent's machine has the same name in every namespace.
    """
    plain, place = name.strip("/"), namespace.strip("/")
    if not place or kind.startswith(NOT_ON_GRAPH):
        return plain
    return plain[len(place) + 1 :] if plain.startswith(f"{place}/") else None


class GraphScope:
    """Tells the names of one graph from all others. A graph that was seen once stays known, also when it is dead.

    Args:
        namespace: The graph's namespace; empty or "/" for the root.
    """

    def __init__(self, namespace: str = "") -> None:
        self.namespace = namespace.strip("/")
        self._others: set[str] = set()

    @property
    def title(self) -> str:
        """The namespace as people read it, with a slash in front."""
        return f"/{self.namespace}"

    @property
    def others(self) -> tuple[str, ...]:
        """Namespaces of other graphs below this one, without slashes at their ends."""
        return tuple(sorted(self._others))

    def learn(self, names: Mapping[str, Sequence[str]] | Iterable[tuple[str, Sequence[str]]]) -> None:
        """Look for other graphs among names of the domain.

        Args:
            names: Topics or services, each with its types.
        """
        for name, kinds in dict(names).items():
            for kind in kinds:
                end = _MARKS.get(kind, "")
                if end and name.endswith(end):
                    place = "/".join(name.strip("/").split("/")[:-2])
                    if place != self.namespace and relative_name(self.namespace, place) is not None:
                        self._others.add(place)

    def relative(self, name: str) -> str | None:
        """Return a full name as seen from this graph; None when it is not this graph's."""
        plain = name.strip("/")
        if any(plain == other or plain.startswith(f"{other}/") for other in self._others):
            return None
        return relative_name(self.namespace, plain)

    def owner(self, name: str) -> str:
        """Return the namespace of the other graph that has a name; empty when none is known."""
        plain = name.strip("/")
        fitting = [other for other in self._others if plain == other or plain.startswith(f"{other}/")]
        return max(fitting, key=len, default="")

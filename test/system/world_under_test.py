"""A simulated world as a process, and a client that calls its services."""

from __future__ import annotations

from typing import Any

from graph import Graph, wait_for
from rclpy.client import Client as ServiceClient


class WorldUnderTest:
    """sim_node alone: nothing arms its robots, so no source can hold a lease."""

    def __init__(self, graph: Graph, **parameters: Any) -> None:
        self.graph = graph
        self.sim = graph.start("sim_node", **{"robots": ["so101=so101"], "cameras": False, **parameters})
        self.client = graph.client()
        self._clients: dict[str, ServiceClient] = {}

    def call(self, kind: Any, name: str, /, *, timeout: float = 20.0, **fields: Any) -> Any:
        """Call a service of the world and return its answer."""
        service = self._clients.get(name)
        if service is None:
            service = self._clients[name] = self.client.create_client(kind, name)
        assert service.wait_for_service(timeout), f"{name} is not there"
        future = service.call_async(kind.Request(**fields))
        wait_for(future.done, timeout, f"answer of {name}")
        return future.result()

    def ok(self, kind: Any, name: str, /, **fields: Any) -> Any:
        """Call a service that must succeed."""
        answer = self.call(kind, name, **fields)
        assert answer.success, answer.message
        return answer

    def refused(self, kind: Any, name: str, /, **fields: Any) -> str:
        """Call a service that must refuse, and return its words."""
        answer = self.call(kind, name, **fields)
        assert not answer.success
        assert answer.message.isascii()
        return str(answer.message)

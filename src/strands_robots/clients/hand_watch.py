"""Whether a hand has the robot, as its gate says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from strands_robots.clients.client import GraphClient
from strands_robots.msg import GateState
from strands_robots.ros.messages import qos

HAND = "teleop/"


class HandWatch:
    """Listens to a robot's gate.

    Args:
        client: Client of the graph.
        robot: Name of the robot.

    Attributes:
        holder: Who holds the lease; empty when it is free, None before the gate was heard.
    """

    def __init__(self, client: GraphClient, robot: str) -> None:
        self.holder: str | None = None
        self._client = client
        self._subscription = client.node.create_subscription(GateState, f"{robot}/gate_state", self._take, qos.STATE)

    def __enter__(self) -> HandWatch:
        return self

    def __exit__(self, *_: Any) -> None:
        self._client.node.destroy_subscription(self._subscription)

    def wait_until_free(self, is_over: Callable[[], bool]) -> None:
        """Return once no hand has the robot, or `is_over` says so; it is asked four times a second."""
        while not self._client.spin_until(lambda: self.holder is not None and not self.holder.startswith(HAND), 0.25):
            if is_over():
                return

    def _take(self, message: GateState) -> None:
        self.holder = message.lease_holder

"""A Foxglove WebSocket server of ROS 2 topics, on this machine only. ROS-free: topics, types and bytes come from outside."""

from __future__ import annotations

import threading
from typing import Any, cast

from strands_robots.core.errors import ConfigurationError

HOST = "127.0.0.1"
"""The protocol has no authentication, so the server listens on the loopback only."""

SUPPORTED_ENCODING = "cdr"
_SCHEMA_ENCODING = "ros2msg"


class _Listener:
    """What clients subscribe to; called in the server's threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.clients: dict[int, set[int]] = {}
        self.fresh: set[int] = set()

    def on_subscribe(self, client: Any, channel: Any) -> None:
        with self.lock:
            self.clients.setdefault(channel.id, set()).add(client.id)
            self.fresh.add(channel.id)

    def on_unsubscribe(self, client: Any, channel: Any) -> None:
        with self.lock:
            self.clients.get(channel.id, set()).discard(client.id)


class FoxgloveServer:
    """One channel for each topic, advertised to every client.

    Args:
        name: Name of the graph, shown by the client.
        port: Port; 0 for a free one.

    Attributes:
        port: The port it listens on.

    Raises:
        ConfigurationError: If foxglove-sdk is missing, or the port cannot be had.

    Source: github.com/foxglove/ws-protocol, docs/spec.md.
    """

    def __init__(self, name: str, port: int) -> None:
        try:
            import foxglove
        except ImportError as error:
            raise ConfigurationError(
                f"foxglove-sdk is not installed ({error}); install it with: pip install foxglove-sdk"
            ) from error
        self._sdk = foxglove
        self._context = foxglove.Context()
        self._listener = _Listener()
        self._channels: dict[str, Any] = {}
        try:
            self._server = foxglove.start_server(
                name=name, host=HOST, port=port, server_listener=cast(Any, self._listener), context=self._context
            )
        except (RuntimeError, OSError) as error:
            raise ConfigurationError(
                f"port {port} of {HOST} cannot be used: {error}; valid: a free port, or 0 for any"
            ) from error
        self.port: int = self._server.port

    @property
    def url(self) -> str:
        """Address for a client's "Open connection"."""
        return f"ws://{HOST}:{self.port}"

    @property
    def topics(self) -> list[str]:
        """The advertised topics."""
        return sorted(self._channels)

    def advertise(self, topic: str, type_name: str, definition: str) -> None:
        """Offer a topic.

        Args:
            topic: Its name.
            type_name: For example "sensor_msgs/msg/JointState".
            definition: The type's definition with those of all types it contains, as "ros2msg".
        """
        schema = self._sdk.Schema(name=type_name, encoding=_SCHEMA_ENCODING, data=definition.encode("utf-8"))
        self._channels[topic] = self._sdk.Channel(
            topic, schema=schema, message_encoding=SUPPORTED_ENCODING, context=self._context
        )

    def withdraw(self, topic: str) -> None:
        """Offer a topic no longer."""
        self._channels.pop(topic).close()

    def wanted(self) -> set[str]:
        """Return the topics that a client looks at."""
        with self._listener.lock:
            return {topic for topic, channel in self._channels.items() if self._listener.clients.get(channel.id())}

    def take_newcomers(self) -> set[str]:
        """Return the topics that a client subscribed to since the last call."""
        with self._listener.lock:
            fresh, self._listener.fresh = self._listener.fresh, set()
        return {topic for topic, channel in self._channels.items() if channel.id() in fresh}

    def send(self, topic: str, data: bytes, stamp_ns: int) -> None:
        """Give a message to every client that looks at its topic.

        Args:
            topic: An advertised topic.
            data: The serialised message (CDR with its header), as the middleware delivers it.
            stamp_ns: When it was received [ns, wall clock].
        """
        self._channels[topic].log(data, log_time=stamp_ns)

    def close(self) -> None:
        """Disconnect every client and end the server."""
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()
        self._server.stop()

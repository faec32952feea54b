"""Zenoh as the way between members (eclipse-zenoh 1.10)."""

from __future__ import annotations

import json
import threading
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.fleet.transport import OnData


def open_session(config: dict[str, Any]) -> Any:
    """Return a Zenoh session.

    Raises:
        ConfigurationError: If eclipse-zenoh is missing, or refuses the configuration.
    """
    try:
        import zenoh
    except ImportError as error:
        raise ConfigurationError("eclipse-zenoh is not installed; install it with: pip install eclipse-zenoh") from error
    made = zenoh.Config()
    try:
        for name, value in config.items():
            made.insert_json5(name, json.dumps(value))
        return zenoh.open(made)
    except zenoh.ZError as error:
        raise ConfigurationError(f"Zenoh cannot be opened: {str(error)[:300]}") from error


class ZenohTransport:
    """Publishes and subscribes through a router. Its link comes and goes by itself.

    Everything is sent with congestion control DROP: with BLOCK, one robot that stops reading holds up the sender for
    seconds and then costs it the router. What matters is repeated by who sends it.

    Args:
        config: See zenoh_config.client_config.

    Raises:
        ConfigurationError: If Zenoh refuses the configuration.
    """

    name = "zenoh"

    def __init__(self, config: dict[str, Any]) -> None:
        self._session = open_session(config)
        import zenoh

        self._zenoh = zenoh
        self._lock = threading.Lock()
        self._subscribers: list[Any] = []
        self.dropped = 0

    def publish(self, topic: str, data: bytes, is_stop: bool = False) -> None:
        """Send bytes; a stop goes ahead of everything and is not batched."""
        zenoh = self._zenoh
        try:
            self._session.put(
                topic,
                data,
                congestion_control=zenoh.CongestionControl.DROP,
                priority=zenoh.Priority.REAL_TIME if is_stop else zenoh.Priority.DATA,
                express=is_stop,
            )
        except zenoh.ZError:
            self.dropped += 1

    def subscribe(self, topic: str, on_data: OnData) -> None:
        """Listen; each subscription has a thread of its own, so that a flood on one topic holds up no stop."""

        def on_sample(sample: Any) -> None:
            on_data(str(sample.key_expr), sample.payload.to_bytes())

        with self._lock:
            self._subscribers.append(self._session.declare_subscriber(topic, on_sample))

    def close(self) -> None:
        """Leave; a session that is left open hangs the process at its end."""
        with self._lock:
            for subscriber in self._subscribers:
                subscriber.undeclare()
            self._subscribers.clear()
            self._session.close()

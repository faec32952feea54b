"""Zenoh as the way between members (eclipse-zenoh 1.10)."""

from __future__ import annotations

import json
import threading
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.fleet.transport import OnData
from strands_robots.fleet.zenoh_config import CONNECT_MS

_PERIOD = 0.5
"""Wait between two attempts to reach the router [s]."""


def open_session(config: dict[str, Any]) -> Any:
    """Return a Zenoh session.

    Raises:
        ConfigurationError: If eclipse-zenoh is missing, or refuses the configuration.
    """
    try:
        import zenoh
    except ImportError as error:
        raise ConfigurationError(
            "eclipse-zenoh is not installed; install it with: pip install eclipse-zenoh"
        ) from error
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
        ConfigurationError: If eclipse-zenoh is not installed.
    """

    name = "zenoh"

    def __init__(self, config: dict[str, Any]) -> None:
        try:
            import zenoh
        except ImportError as error:
            raise ConfigurationError(
                "eclipse-zenoh is not installed; install it with: pip install eclipse-zenoh"
            ) from error
        self._zenoh, self._config = zenoh, config
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._session: Any = None
        self._wanted: list[tuple[str, OnData]] = []
        self._subscribers: list[Any] = []
        self._problem = "no link to the router yet"
        self.dropped = 0
        # A graph never waits for the network: the router is looked for beside it.
        self._thread = threading.Thread(target=self._connect, name="zenoh connect", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str:
        """What keeps it from its router. A session stays open without one, and finds it again by itself."""
        with self._lock:
            if self._session is None:
                return self._problem
            return "" if self._session.info.routers_zid() else "the link to the router ended"

    def publish(self, topic: str, data: bytes, is_stop: bool = False) -> None:
        """Send bytes; a stop goes ahead of everything and is not batched."""
        zenoh, session = self._zenoh, self._session
        if session is None:
            self.dropped += 1
            return
        try:
            session.put(
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
        with self._lock:
            self._wanted.append((topic, on_data))
            if self._session is not None:
                self._declare(topic, on_data)

    def close(self) -> None:
        """Leave; a session that is left open hangs the process at its end."""
        self._ending.set()
        self._thread.join(2 * CONNECT_MS / 1000.0)
        with self._lock:
            for subscriber in self._subscribers:
                subscriber.undeclare()
            self._subscribers.clear()
            session, self._session = self._session, None
            if session is not None:
                session.close()

    def _connect(self) -> None:
        """Open the session, however long it takes. An open session finds a router that starts again by itself."""
        while not self._ending.is_set():
            try:
                session = open_session(self._config)
            except ConfigurationError as error:
                self._problem = str(error)
                self._ending.wait(_PERIOD)
                continue
            with self._lock:
                self._session = session
                for topic, on_data in self._wanted:
                    self._declare(topic, on_data)
            return

    def _declare(self, topic: str, on_data: OnData) -> None:
        def on_sample(sample: Any) -> None:
            on_data(str(sample.key_expr), sample.payload.to_bytes())

        self._subscribers.append(self._session.declare_subscriber(topic, on_sample))

"""How a probe connects: to the Zenoh router, or to the MQTT broker. With files of anyone, and as an attacker would."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any, Protocol

from strands_robots.core.errors import ConfigurationError
from strands_robots.fleet.fleet_file import MqttEntry, RouterEntry
from strands_robots.fleet.mqtt_transport import MqttTransport
from strands_robots.fleet.zenoh_config import TlsFiles, client_config
from strands_robots.fleet.zenoh_transport import open_session

PEER = "peer:"
"""Prefix of a role that connects as a Zenoh peer, past the router's rules."""

CONNECT_TIME = 5.0
STRANGER_TIME = 1.5
OnMark = Callable[[bytes], None]


class ProbeLink(Protocol):
    """One connection."""

    def put(self, topic: str, data: bytes) -> None:
        """Publish."""

    def listen(self, topic: str, on_mark: OnMark) -> None:
        """Subscribe."""

    def close(self) -> None:
        """Leave."""


class ProbeWay(Protocol):
    """A router or broker."""

    name: str
    attackers: tuple[str, ...]

    def open(self, name: str, files: TlsFiles, prefix: str = "") -> ProbeLink:
        """Connect with a member's name; raises ConfigurationError when that is refused.

        Args:
            name: Name that is claimed.
            files: Certificate, key and authority.
            prefix: One of `attackers`, or empty for a member.
        """

    def lets_in(self, name: str, files: TlsFiles) -> bool:
        """Return whether a connection with these files comes about."""

    def takes_over(self, victim: ProbeLink, name: str, files: TlsFiles) -> bool:
        """Return whether a client with other files that claims a connected client's name throws that one out."""


class ZenohLink:
    """A Zenoh session."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.session = open_session(config)
        self._subscribers: list[Any] = []

    def put(self, topic: str, data: bytes) -> None:
        """Publish."""
        self.session.put(topic, data)

    def listen(self, topic: str, on_mark: OnMark) -> None:
        """Subscribe."""
        declared = self.session.declare_subscriber(topic, lambda sample: on_mark(sample.payload.to_bytes()))
        self._subscribers.append(declared)

    def close(self) -> None:
        """Leave."""
        self.session.close()


class ZenohWay:
    """The Zenoh router.

    Args:
        router: Where it is.
    """

    name = "zenoh"
    attackers: tuple[str, ...] = (PEER,)

    def __init__(self, router: RouterEntry) -> None:
        self._router = router

    def open(self, name: str, files: TlsFiles, prefix: str = "") -> ZenohLink:
        """Connect; the name is the certificate's."""
        config = self._config(files, CONNECT_TIME)
        if prefix == PEER:
            # What an attacker with a robot's certificate would run: a peer that gossips and listens itself.
            config["mode"] = "peer"
            config["scouting"] = {"multicast": {"enabled": False}, "gossip": {"enabled": True}}
        return ZenohLink(config)

    def lets_in(self, name: str, files: TlsFiles) -> bool:
        """Return whether a link comes about."""
        try:
            link = ZenohLink(self._config(files, STRANGER_TIME))
        except ConfigurationError:
            return False
        # In Zenoh 1.10 a client's open succeeds before the router refuses its certificate: what counts is the link.
        time.sleep(0.5)
        is_linked = bool(list(link.session.info.routers_zid()))
        link.close()
        return is_linked

    def takes_over(self, victim: ProbeLink, name: str, files: TlsFiles) -> bool:
        """Return False: a Zenoh session has no name that could be taken."""
        return False

    def _config(self, files: TlsFiles, timeout: float) -> dict[str, Any]:
        config = client_config(self._router, files)
        config["connect"] |= {"timeout_ms": int(timeout * 1000)}
        return config


class MqttLink:
    """An MQTT connection."""

    def __init__(self, broker: MqttEntry, files: TlsFiles, name: str, timeout: float) -> None:
        self.transport = MqttTransport(broker, files, name)
        deadline = time.monotonic() + timeout
        while not self.transport.is_connected:
            if time.monotonic() > deadline:
                self.transport.close()
                raise ConfigurationError(f"the broker did not let '{name}' in: {self.transport.problem or 'no answer'}")
            time.sleep(0.02)

    def put(self, topic: str, data: bytes) -> None:
        """Publish."""
        self.transport.publish(topic, data)

    def listen(self, topic: str, on_mark: OnMark) -> None:
        """Subscribe."""
        self.transport.subscribe(topic, lambda topic, data: on_mark(data))

    def close(self) -> None:
        """Leave."""
        self.transport.close()


class MqttWay:
    """The MQTT broker.

    Args:
        broker: Where it is.
    """

    name = "mqtt"
    attackers: tuple[str, ...] = ()

    def __init__(self, broker: MqttEntry) -> None:
        self._broker = broker

    def open(self, name: str, files: TlsFiles, prefix: str = "") -> MqttLink:
        """Connect; the name is the client's id too."""
        return MqttLink(self._broker, files, name, CONNECT_TIME)

    def lets_in(self, name: str, files: TlsFiles) -> bool:
        """Return whether a connection comes about."""
        try:
            link = MqttLink(self._broker, files, name, STRANGER_TIME)
        except ConfigurationError:
            return False
        link.close()
        return True

    def takes_over(self, victim: ProbeLink, name: str, files: TlsFiles) -> bool:
        """Connect with the victim's id under another certificate, and see whether the victim's link goes."""
        assert isinstance(victim, MqttLink)
        with contextlib.suppress(ConfigurationError):
            thief = MqttLink(self._broker, files, name, CONNECT_TIME)
            deadline = time.monotonic() + 1.0
            while victim.transport.is_connected and time.monotonic() < deadline:
                time.sleep(0.02)
            thief.close()
        return not victim.transport.is_connected

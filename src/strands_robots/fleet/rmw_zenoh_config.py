"""Configurations of rmw_zenoh (Jazzy 0.2) that keep a graph on its machine: session and router. Plain data, no I/O.

As it comes, rmw_zenoh's router listens on every interface without TLS, and its sessions are peers that find each other past
any router. Here the router listens on loopback only, sessions are its clients, and its rules know one domain.

Keys of rmw_zenoh: `<domain>/<name>/<DDS type>/<type hash>`; liveliness below `@ros2_lv/<domain>/`. A `**` takes in no part
that begins with `@`, so history of transient local topics (`.../@adv/...`) needs rules of its own.

Source: rmw_zenoh design.md; zenoh access control.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from strands_robots.core.errors import ConfigurationError

PORT = 7447
HIGHEST_DOMAIN = 232
_MESSAGES = [
    "put", "delete", "declare_subscriber", "query", "reply", "declare_queryable",
    "liveliness_token", "declare_liveliness_subscriber", "liveliness_query",
]  # fmt: skip


@dataclass(frozen=True)
class RosInterface:
    """A topic or service as rmw_zenoh writes it.

    Attributes:
        name: Full name on the graph, for example "/so101/gate_state".
        kind: Type, for example "strands_robots/msg/GateState".
        type_hash: Its hash, "RIHS01_<64 hex>", on Humble "TypeHashNotSupported"; "*" for any.
    """

    name: str
    kind: str
    type_hash: str = "*"

    def key(self, domain: int) -> str:
        """Return the key expression of its data."""
        package, group, name = self.kind.split("/")
        return f"{domain}/{self.name.strip('/')}/{package}::{group}::dds_::{name}_/{self.type_hash}"


def rmw_router_config(domain: int, port: int = PORT, interfaces: Sequence[RosInterface] = ()) -> dict[str, Any]:
    """Return the configuration of the router of one graph's machine (ZENOH_ROUTER_CONFIG_URI).

    Args:
        domain: ROS_DOMAIN_ID.
        port: TCP port on loopback.
        interfaces: The only ones that may pass; none for every one of the domain.

    Raises:
        ConfigurationError: If the domain is none.
    """
    _check(domain)
    keys = [entry.key(domain) for entry in interfaces] or [f"{domain}/**"]
    history = [f"{key}/@adv/**" for key in keys]
    rule = {
        "id": "domain",
        "permission": "allow",
        "messages": _MESSAGES,
        "flows": ["ingress", "egress"],
        "key_exprs": [*keys, *history, f"@ros2_lv/{domain}/**"],
    }
    return {
        "mode": "router",
        "listen": {"endpoints": [f"tcp/127.0.0.1:{port}"]},
        "connect": {"endpoints": []},
        "scouting": _silent(),
        "timestamping": {"enabled": True},
        "adminspace": {"enabled": False},
        "access_control": {
            "enabled": True,
            "default_permission": "deny",
            "rules": [rule],
            "subjects": [{"id": "everybody"}],
            "policies": [{"rules": ["domain"], "subjects": ["everybody"]}],
        },
    }


def rmw_session_config(port: int = PORT) -> dict[str, Any]:
    """Return the configuration of every node of the graph (ZENOH_SESSION_CONFIG_URI)."""
    return {
        "mode": "client",
        "listen": {"endpoints": []},
        "connect": {"endpoints": [f"tcp/127.0.0.1:{port}"], "timeout_ms": -1},
        "scouting": _silent(),
        # Transient local topics need stamps (rmw_zenoh's own default).
        "timestamping": {"enabled": True},
        "queries_default_timeout": 600000,
    }


def _silent() -> dict[str, Any]:
    return {"multicast": {"enabled": False}, "gossip": {"enabled": False}}


def _check(domain: int) -> None:
    if not 0 <= domain <= HIGHEST_DOMAIN:
        raise ConfigurationError(f"domain {domain}; valid: 0 to {HIGHEST_DOMAIN}")

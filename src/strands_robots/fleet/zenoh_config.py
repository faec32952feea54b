"""fleet.yaml -> configurations of Zenoh (1.10): the router with TLS on both sides and one enumerated rule set for each
member, and the client of a member. Plain data, no I/O.

Three facts of Zenoh shape them. Its access control is read once, so a new member needs a restart of the router (about a
second). Sessions in peer mode link to each other past the router's rules, so members are clients and gossip is off.
Shared memory hung a router at 350 sessions, so it is off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from strands_robots.fleet import envelope, roster
from strands_robots.fleet.fleet_file import RouterEntry
from strands_robots.fleet.member import Member
from strands_robots.fleet.roster import Roster
from strands_robots.fleet.topics import INWARD, OUTWARD, ROSTER, inward, is_included, outward, read_by, written_by

LEASE_MS = 2000
CONNECT_MS = 3000
"""How long one attempt to reach the router takes; ZenohTransport tries again."""


@dataclass(frozen=True)
class TlsFiles:
    """Paths of the files of one side.

    Attributes:
        authority: Certificates that are trusted, PEM.
        certificate: Its own, PEM.
        key: Its private key, PEM.
    """

    authority: str
    certificate: str
    key: str


def router_config(fleet: Roster, router: RouterEntry, files: TlsFiles) -> dict[str, Any]:
    """Return the router's configuration."""
    tls = {
        "root_ca_certificate": files.authority,
        "listen_certificate": files.certificate,
        "listen_private_key": files.key,
        "enable_mtls": True,
        "close_link_on_expiration": True,
    }
    return {
        **_common(),
        "mode": "router",
        "listen": {"endpoints": [router.listen]},
        "transport": {
            "unicast": {"max_sessions": 2000, "accept_pending": 100},
            "shared_memory": {"enabled": False},
            "link": {"tls": tls, "tx": {"lease": LEASE_MS}},
        },
        "access_control": access_control(fleet),
        "low_pass_filter": [
            {
                "id": "small",
                "flows": ["ingress"],
                "messages": ["put", "query", "reply", "delete"],
                "key_exprs": _small_keys(fleet.fleet),
                "size_limit": envelope.LARGEST,
            },
            {
                "id": "rosters",
                "flows": ["ingress"],
                "messages": ["put"],
                "key_exprs": [inward(fleet.fleet, "*", ROSTER, "*")],
                "size_limit": roster.LARGEST,
            },
        ],
    }


def client_config(router: RouterEntry, files: TlsFiles) -> dict[str, Any]:
    """Return a member's configuration."""
    tls = {
        "root_ca_certificate": files.authority,
        "connect_certificate": files.certificate,
        "connect_private_key": files.key,
        "enable_mtls": True,
        "verify_name_on_connect": True,
        "close_link_on_expiration": True,
    }
    return {
        **_common(),
        "mode": "client",
        "connect": {"endpoints": [router.connect], "timeout_ms": CONNECT_MS, "exit_on_failure": True},
        "transport": {"shared_memory": {"enabled": False}, "link": {"tls": tls, "tx": {"lease": LEASE_MS}}},
    }


def access_control(fleet: Roster) -> dict[str, Any]:
    """Return rules that deny everything but what topics.py gives each member, by the name in its certificate."""
    rules: list[dict[str, Any]] = []
    subjects: list[dict[str, Any]] = []
    policies: list[dict[str, Any]] = []
    for member in fleet.members:
        writes, reads = list(written_by(fleet.fleet, member)), list(read_by(fleet, member))
        name = member.name
        rules += [
            _rule(f"{name} writes", ["put"], ["ingress"], writes),
            _rule(f"{name} is asked for", ["declare_subscriber"], ["egress"], writes),
            _rule(f"{name} reads", ["put"], ["egress"], reads),
            _rule(f"{name} asks for", ["declare_subscriber"], ["ingress"], reads),
        ]
        subjects.append({"id": name, "cert_common_names": [name]})
        policies.append({"rules": [rule["id"] for rule in rules[-4:]], "subjects": [name]})
    return {"enabled": True, "default_permission": "deny", "rules": rules, "subjects": subjects, "policies": policies}


def is_allowed(fleet: Roster, member: Member | None, topic: str, is_write: bool) -> bool:
    """Return what fleet.yaml says of one topic: the expectation of `fleet probe`."""
    if member is None:
        return False
    allowed = written_by(fleet.fleet, member) if is_write else read_by(fleet, member)
    return any(is_included(pattern, topic) for pattern in allowed)


def _rule(name: str, messages: list[str], flows: list[str], keys: list[str]) -> dict[str, Any]:
    return {"id": name, "permission": "allow", "messages": messages, "flows": flows, "key_exprs": keys}


def _small_keys(fleet: str) -> list[str]:
    kinds = [kind for kind in INWARD if kind != ROSTER]
    return [*(inward(fleet, "*", kind, "*") for kind in kinds), *(outward(fleet, "*", kind) for kind in OUTWARD)]


def _common() -> dict[str, Any]:
    return {
        "scouting": {"multicast": {"enabled": False}, "gossip": {"enabled": False}},
        "adminspace": {"enabled": False},
    }

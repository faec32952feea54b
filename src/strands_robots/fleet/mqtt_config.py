"""fleet.yaml -> configuration and access list of mosquitto (2.0): TLS on both sides, and one enumerated rule set for each member.

Three facts of mosquitto shape them. A client may take another's id and so throw it out, unless the id is the name in its
certificate (`use_username_as_clientid`). A subscription that will never be served is granted all the same, so a denial is
silent and has to be probed. A kept message is delivered for ever, so no rule of ours needs one and the transport sends none.
"""

from __future__ import annotations

from strands_robots.fleet import envelope
from strands_robots.fleet.fleet_file import MqttEntry
from strands_robots.fleet.roster import Roster
from strands_robots.fleet.topics import read_by, written_by
from strands_robots.fleet.zenoh_config import TlsFiles

CONFIG = "mosquitto.conf"
ACCESS = "mosquitto.acl"

_MARGIN = 1024
"""Bytes of a packet beside its payload: the topic, MQTT's own fields."""


def to_mqtt(topic: str) -> str:
    """Return a topic filter in MQTT's form: `+` stands for any one part."""
    return topic.replace("*", "+")


def access_list(fleet: Roster) -> str:
    """Return the access list: what topics.py gives each member, by the name in its certificate; everything else is denied."""
    lines = ["# Made from fleet.yaml; a change is lost."]
    for member in fleet.members:
        lines += ["", f"user {member.name}"]
        lines += [f"topic write {to_mqtt(topic)}" for topic in written_by(fleet.fleet, member)]
        lines += [f"topic read {to_mqtt(topic)}" for topic in read_by(fleet, member)]
    return "\n".join(lines) + "\n"


def broker_config(broker: MqttEntry, files: TlsFiles, access: str, roster_size: int, user: str) -> str:
    """Return mosquitto.conf.

    Args:
        broker: Where it listens.
        files: Its certificate and the authority's.
        access: Path of the access list.
        roster_size: Size of the signed roster [bytes], which is the largest message there is.
        user: Owner of the files; a broker that is started as root goes on as this user.
    """
    largest = max(envelope.LARGEST, 2 * roster_size) + _MARGIN
    lines = [
        "# Made from fleet.yaml; a change is lost. Reads the access list again at SIGHUP.",
        f"user {user}",
        "per_listener_settings false",
        f"listener {broker.port} {broker.bind}",
        f"cafile {files.authority}",
        f"certfile {files.certificate}",
        f"keyfile {files.key}",
        "tls_version tlsv1.2",
        "require_certificate true",
        "use_identity_as_username true",
        "use_username_as_clientid true",
        "allow_anonymous false",
        f"acl_file {access}",
        f"max_packet_size {largest}",
        "max_queued_messages 100",
        "retain_available false",
        "persistence false",
        "set_tcp_nodelay true",
        "connection_messages true",
        "log_dest stderr",
    ]
    return "\n".join(lines) + "\n"

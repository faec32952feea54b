"""A member's own folder: its keys, made here, and what the authority granted.

<name>.key, <name>.pub   Ed25519, signs messages      tls.key           of its certificate
request.json             what is handed in            certificate.pem   valid for a day
authority.pem            authorities that are pinned  roots.pub         root keys that are pinned
roster.json              newest roster                router.json       where the router is
sequence                 last number of a message
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.private_folder import opened
from strands_robots.fleet.aws_shadow import ShadowView
from strands_robots.fleet.aws_transport import KEY as AWS_KEY
from strands_robots.fleet.aws_transport import AwsTransport, aws_files
from strands_robots.fleet.break_glass import find_marker, use_marker
from strands_robots.fleet.certificates import is_pair
from strands_robots.fleet.channel import Channel
from strands_robots.fleet.enrolment import EnrolmentRequest, new_request, parse_request
from strands_robots.fleet.fleet_file import AwsEntry, MqttEntry, PicturesEntry, RouterEntry
from strands_robots.fleet.member import check_member_name
from strands_robots.fleet.message_numbers import Numbers
from strands_robots.fleet.mqtt_transport import mqtt_transport
from strands_robots.fleet.picture_upload import PictureUpload
from strands_robots.fleet.refusal import FleetRefusal, FleetRefusedError
from strands_robots.fleet.renewal import NEW_KEY
from strands_robots.fleet.roster import parse_roster
from strands_robots.fleet.roster_keeper import FILE as ROSTER_FILE
from strands_robots.fleet.roster_keeper import RosterKeeper, load_roster, write_atomically
from strands_robots.fleet.transport import AllTransports, Transport
from strands_robots.fleet.zenoh_config import TlsFiles, client_config
from strands_robots.fleet.zenoh_transport import ZenohTransport
from strands_robots.operators.operator_key import (
    KEY_SUFFIX,
    OperatorKey,
    OperatorPublicKey,
    create_key,
    load_key,
    parse_public_key,
)

_LARGEST = 1 << 21
_TLS_KEYS = ("tls.key", "tls.new.key", NEW_KEY, AWS_KEY)
_FILES = ("aws", "roots", "tls")
"""Names whose .key or .pub is another file of the folder."""


def make_request_files(folder: Path, name: str) -> EnrolmentRequest:
    """Make a member's keys and its request; an existing Ed25519 key is kept, the TLS key is always new.

    Raises:
        ConfigurationError: If the name is none, the folder has the key of another member, or cannot be used.
    """
    check_member_name(name)
    if name in _FILES:
        raise ConfigurationError(
            f"'{name}' cannot be a member: its folder has other files of that name; valid: not {', '.join(_FILES)}"
        )
    keys = sorted(folder.glob(f"*{KEY_SUFFIX}")) if folder.is_dir() else []
    others = [path.name for path in keys if path.name not in (name + KEY_SUFFIX, *_TLS_KEYS)]
    if others:
        raise ConfigurationError(f"'{folder}' has the key {others[0]}; valid: a folder for '{name}' alone")
    path = folder / (name + KEY_SUFFIX)
    key = load_key(path) if path.exists() else create_key(folder, name)
    request, pem = new_request(key)
    try:
        # The running certificate keeps its key until the new one is granted.
        write_atomically(folder, "tls.new.key", pem)
        write_atomically(folder, "request.json", request.model_dump_json().encode())
    except OSError as error:
        raise ConfigurationError(f"'{folder}' cannot be used: {error.strerror or error}") from error
    return request


def accept_grant(folder: Path, text: str | bytes) -> str:
    """Take what the authority granted, and return the member's name. Roots that are pinned already stay pinned.

    Only a marker of break_glass.py, which counts once, lets another root or an older roster in.

    Raises:
        ConfigurationError: If it is for another member, or its roster is older or not signed by a pinned root.
    """
    try:
        grant = json.loads(text)
        request = parse_request(_read(folder, "request.json"))
        name = parse_public_key(request.key).name
        if grant["v"] != 1 or grant["name"] != name:
            raise ConfigurationError(f"the grant is for '{grant['name']}'; valid: '{name}'")
        marker = find_marker(folder)
        pinned = ([] if marker else _lines(folder, "roots.pub")) or [str(line) for line in grant["roots"]]
        roots = [parse_public_key(line) for line in pinned]
        router = RouterEntry.model_validate(grant["router"])
        mqtt = MqttEntry.model_validate(grant["mqtt"]) if grant.get("mqtt") else None
        pictures = PicturesEntry.model_validate(grant["pictures"]) if grant.get("pictures") else None
        aws = AwsEntry.model_validate(grant["aws"]) if grant.get("aws") else None
        data = str(grant["roster"]).encode()
        authorities, certificate = "".join(grant["authorities"]), str(grant["certificate"])
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise ConfigurationError(f"no grant: {error}") from error
    tls_key = _read(folder, "tls.new.key")
    try:
        is_own = is_pair(certificate.encode(), tls_key)
    except ValueError as error:
        raise ConfigurationError(f"no grant: {error}") from error
    if not is_own:
        raise ConfigurationError(
            "the certificate is for an earlier request; valid: a grant for the newest request.json"
        )
    try:
        if (folder / ROSTER_FILE).exists() and marker is None:
            _accept_newer(load_roster(folder, roots), data)
        else:
            parse_roster(data, roots)
            write_atomically(folder, ROSTER_FILE, data)
        write_atomically(folder, "roots.pub", ("\n".join(pinned) + "\n").encode())
        write_atomically(folder, "authority.pem", authorities.encode(), 0o644)
        write_atomically(folder, "tls.key", tls_key)
        write_atomically(folder, "certificate.pem", certificate.encode(), 0o644)
        write_atomically(folder, "router.json", router.model_dump_json().encode())
        write_atomically(folder, "mqtt.json", mqtt.model_dump_json().encode() if mqtt is not None else b"null")
        write_atomically(folder, "aws.json", aws.model_dump_json().encode() if aws is not None else b"null")
        write_atomically(
            folder, "pictures.json", pictures.model_dump_json().encode() if pictures is not None else b"null"
        )
        if marker is not None:
            use_marker(folder)
    except FleetRefusedError as error:
        raise ConfigurationError(f"the grant is refused ({error.refusal.value}): {error}") from error
    except OSError as error:
        raise ConfigurationError(f"'{folder}' cannot be used: {error.strerror or error}") from error
    return name


def _accept_newer(keeper: RosterKeeper, data: bytes) -> None:
    try:
        keeper.accept(data)
    except FleetRefusedError as error:
        given = json.loads(data)["roster"].get("version")
        if error.refusal is not FleetRefusal.OLD_ROSTER or given != keeper.roster.version:
            raise


class MemberFolder:
    """An enrolled member's folder.

    Args:
        folder: Where.
        ask_passphrase: Called when its key is under a passphrase.

    Raises:
        ConfigurationError: If it holds no enrolled member.
    """

    def __init__(self, folder: Path, ask_passphrase: Callable[[], bytes] | None = None) -> None:
        self.folder = folder.expanduser().absolute()
        names = [line.split()[1] for line in (_own_line(path) for path in sorted(self.folder.glob("*.pub"))) if line]
        if len(names) != 1:
            raise ConfigurationError(
                f"'{self.folder}' holds {len(names)} members; valid: the folder of one member (`strands-robots fleet request`)"
            )
        self.name = names[0]
        self.key: OperatorKey = load_key(self.folder / (self.name + KEY_SUFFIX), ask_passphrase)
        self.roots: list[OperatorPublicKey] = [parse_public_key(line) for line in _lines(self.folder, "roots.pub")]
        if not self.roots:
            raise ConfigurationError(
                f"'{self.folder}' was not enrolled; valid: `strands-robots fleet accept` with its grant"
            )

    def channel(self) -> Channel:
        """Return the member's channel."""
        return Channel(self.key, load_roster(self.folder, self.roots), Numbers(self.folder))

    def transport(self) -> Transport:
        """Return the way to the others: Zenoh, and MQTT and AWS IoT at once where the fleet has them.

        Raises:
            ConfigurationError: If one of them cannot be used; none is left open then.
        """
        broker, aws, files = self.mqtt_broker(), self.aws(), aws_files(self.folder)
        ways: list[Transport] = [ZenohTransport(self.zenoh_config())]
        try:
            if broker is not None:
                ways.append(mqtt_transport(self.folder, broker, self.name))
            if aws is not None and files is not None:
                ways += self._aws_ways(aws, files)
        except ConfigurationError:
            # An open Zenoh session would keep the process from ending.
            for way in ways:
                way.close()
            raise
        return ways[0] if len(ways) == 1 else AllTransports(ways)

    def _aws_ways(self, aws: AwsEntry, files: TlsFiles) -> list[Transport]:
        """Return AWS IoT as a way, and a robot's shadows there."""
        keeper = load_roster(self.folder, self.roots)
        carrier = AwsTransport(aws, files, self.name)
        me = keeper.roster.find(self.name)
        if me is None or not me.is_robot:
            return [carrier]
        return [carrier, ShadowView(carrier.connection, lambda: load_roster(self.folder, self.roots).roster)]

    def pictures(self) -> PictureUpload | None:
        """Return where the member's pictures go; None where the fleet has no store of pictures."""
        path = self.folder / "pictures.json"
        given = json.loads(_read(self.folder, "pictures.json")) if path.exists() else None
        return PictureUpload(PicturesEntry.model_validate(given).host) if given else None

    def aws(self) -> AwsEntry | None:
        """Return where AWS IoT Core is; None where the fleet does not use it."""
        path = self.folder / "aws.json"
        given = json.loads(_read(self.folder, "aws.json")) if path.exists() else None
        return AwsEntry.model_validate(given) if given else None

    def mqtt_broker(self) -> MqttEntry | None:
        """Return where the fleet's MQTT broker is; None where it has none."""
        path = self.folder / "mqtt.json"
        given = json.loads(_read(self.folder, "mqtt.json")) if path.exists() else None
        return MqttEntry.model_validate(given) if given else None

    def zenoh_config(self) -> dict[str, Any]:
        """Return the configuration of its Zenoh client."""
        router = RouterEntry.model_validate_json(_read(self.folder, "router.json"))
        place = self.folder
        return client_config(
            router, TlsFiles(str(place / "authority.pem"), str(place / "certificate.pem"), str(place / "tls.key"))
        )


def _own_line(path: Path) -> str:
    return path.read_text(encoding="ascii").splitlines()[0] if path.name != "roots.pub" else ""


def _lines(folder: Path, name: str) -> list[str]:
    try:
        return [line for line in _read(folder, name).decode("ascii").splitlines() if line.strip()]
    except ConfigurationError:
        return []


def _read(folder: Path, name: str) -> bytes:
    try:
        with opened(folder) as place:
            return place.read(name, _LARGEST)
    except OSError as error:
        raise ConfigurationError(f"'{folder / name}' cannot be read: {error.strerror or error}") from error

"""The fleet's authority: a folder on one machine that invites, enrols, renews and revokes. It moves nothing.

fleet.yaml       the members
root.key         signs rosters (operators/operator_key.py); may lie under a passphrase
authority.key    signs certificates
authority.pem    its certificate, the pin of every member
router.pem/.key  certificate of router and broker
roster.json      the newest signed roster
router.json      configuration of the Zenoh router
mosquitto.*      configuration and access list of the MQTT broker, where there is one
invites.json     open invites, hashes only
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from cryptography import x509

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.core.key_file import read_secret
from strands_robots.core.private_folder import opened
from strands_robots.fleet import mqtt_config
from strands_robots.fleet.certificates import (
    certificate_pem,
    load_private,
    make_authority,
    make_server_certificate,
    new_private_key,
    private_pem,
    sign_request,
)
from strands_robots.fleet.enrolment import EnrolmentRequest, Invite, check_signature, decide, new_invite
from strands_robots.fleet.fleet_file import (
    FILE,
    AwsEntry,
    FleetFile,
    MemberEntry,
    MqttEntry,
    PicturesEntry,
    RouterEntry,
    load_fleet_file,
    save_fleet_file,
)
from strands_robots.fleet.member import MemberKind, Right, check_member_name
from strands_robots.fleet.roster_keeper import FILE as ROSTER_FILE
from strands_robots.fleet.roster_keeper import write_atomically
from strands_robots.fleet.zenoh_config import TlsFiles, router_config
from strands_robots.operators.operator_key import create_key, load_key, parse_public_key

INVITES = "invites.json"
INVITE_LIFETIME = 3600.0
_LARGEST = 1 << 20


class Authority:
    """The authority in a folder.

    Args:
        folder: Where.
        ask_passphrase: Called when the root key is under a passphrase.
        now: Wall clock [s since 1970].

    Raises:
        ConfigurationError: If the folder has no fleet.yaml, or one that is not valid.
    """

    def __init__(
        self, folder: Path, ask_passphrase: Callable[[], bytes] | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self.folder = folder.absolute()
        self.file = load_fleet_file(folder)
        self._ask, self._now = ask_passphrase, now

    def reload(self) -> None:
        """Read fleet.yaml again: another command may have enrolled or revoked a member since."""
        self.file = load_fleet_file(self.folder)

    @property
    def certificate(self) -> x509.Certificate:
        """The authority's certificate."""
        return x509.load_pem_x509_certificate(self._read("authority.pem"))

    def invite(self, name: str, kind: MemberKind, cell: str, may: Sequence[Right], fingerprint: str) -> str:
        """Open an invite for an hour and return its one-time token."""
        invite, token = new_invite(name, kind, cell, may, fingerprint, self._now() + INVITE_LIFETIME)
        others = [entry for entry in self._invites() if entry.name != name and entry.expires > self._now()]
        self._save_invites([*others, invite])
        return token

    def enrol(self, request: EnrolmentRequest, token: str) -> dict[str, Any]:
        """Let a member in, and return what it needs (see member_folder.accept_grant).

        Raises:
            ConfigurationError: If it is denied.
        """
        invites = self._invites()
        decision = decide(request, token, invites, self._now())
        if decision.invite is None:
            raise ConfigurationError(decision.message)
        invite = decision.invite
        certificate = self._sign(request, invite.name)
        # Used up before it counts: a second request with the same token finds nothing, whatever happens next.
        self._save_invites([entry for entry in invites if entry is not invite])
        entry = MemberEntry(kind=invite.kind, cell=invite.cell, may=invite.may, key=request.key)
        self._publish(self.file.model_copy(update={"members": {**self.file.members, invite.name: entry}}))
        return self._grant(invite.name, certificate)

    def enrol_all(
        self, requests: Sequence[tuple[EnrolmentRequest, MemberKind, str, Sequence[Right]]]
    ) -> Iterator[dict[str, Any]]:
        """Let many members in that were made on this machine, in one roster, and yield what each needs.

        For trials: there is no invite, because the caller holds the authority's folder and made the keys itself.
        """
        members = dict(self.file.members)
        for request, kind, cell, may in requests:
            name = parse_public_key(request.key).name
            members[name] = MemberEntry(kind=kind, cell=cell, may=list(may), key=request.key)
        self._publish(self.file.model_copy(update={"members": members}))
        for request, *_ in requests:
            name = parse_public_key(request.key).name
            yield self._grant(name, self._sign(request, name))

    def renew(self, request: EnrolmentRequest) -> dict[str, Any]:
        """Return a new certificate for a member that is on the roster with the same key.

        Raises:
            ConfigurationError: If it is not.
        """
        name = next((name for name, entry in self.file.members.items() if entry.key == request.key), None)
        if name is None:
            raise ConfigurationError("the key of the request is not on the roster; valid: a member, or an invite first")
        # The key's line is public: only its signature shows that the member itself wants this certificate.
        check_signature(request)
        return self._grant(name, self._sign(request, name))

    def revoke(self, name: str) -> bytes:
        """Take a member off the roster and out of the router's rules, and return the new signed roster.

        Raises:
            UnknownNameError: If it is none.
        """
        if name not in self.file.members:
            raise UnknownNameError("member", name, self.file.members)
        members = {key: entry for key, entry in self.file.members.items() if key != name}
        return self._publish(self.file.model_copy(update={"members": members}))

    def signed_roster(self) -> bytes:
        """Return the newest signed roster."""
        return self._read(ROSTER_FILE)

    def generate(self) -> None:
        """Write the configurations of router and broker from fleet.yaml."""
        folder = self.folder
        files = TlsFiles(str(folder / "authority.pem"), str(folder / "router.pem"), str(folder / "router.key"))
        config = router_config(self.file.roster(), self.file.router, files)
        write_atomically(folder, "router.json", json.dumps(config, indent=1).encode())
        if self.file.mqtt is not None:
            access = str(folder / mqtt_config.ACCESS)
            size = len(self.signed_roster())
            broker = mqtt_config.broker_config(self.file.mqtt, files, access, size, folder.owner())
            write_atomically(folder, mqtt_config.ACCESS, mqtt_config.access_list(self.file.roster()).encode())
            write_atomically(folder, mqtt_config.CONFIG, broker.encode())

    def _publish(self, file: FleetFile) -> bytes:
        file = file.model_copy(update={"version": self.file.version + 1})
        data = file.roster(int(self._now())).signed(load_key(self.folder / "root.key", self._ask))
        save_fleet_file(self.folder, file)
        write_atomically(self.folder, ROSTER_FILE, data)
        self.file = file
        self.generate()
        return data

    def _sign(self, request: EnrolmentRequest, name: str) -> x509.Certificate:
        key = load_private(read_secret(self.folder / "authority.key"))
        return sign_request(request.csr.encode(), name, self.certificate, key)

    def _grant(self, name: str, certificate: x509.Certificate) -> dict[str, Any]:
        return {
            "v": 1,
            "name": name,
            "fleet": self.file.fleet,
            "certificate": certificate_pem(certificate).decode(),
            "authorities": [self._read("authority.pem").decode()],
            "roots": [self._read("root.pub").decode().strip()],
            "roster": self._read(ROSTER_FILE).decode(),
            "router": self.file.router.model_dump(),
            "mqtt": self.file.mqtt.model_dump() if self.file.mqtt is not None else None,
            "pictures": self.file.pictures.model_dump() if self.file.pictures is not None else None,
            "aws": self.file.aws.model_dump() if self.file.aws is not None else None,
        }

    def _invites(self) -> list[Invite]:
        try:
            return [Invite.model_validate(entry) for entry in json.loads(self._read(INVITES))]
        except ConfigurationError:
            return []

    def _save_invites(self, invites: Sequence[Invite]) -> None:
        data = json.dumps([entry.model_dump(mode="json") for entry in invites]).encode()
        write_atomically(self.folder, INVITES, data)

    def _read(self, name: str) -> bytes:
        try:
            with opened(self.folder) as folder:
                return folder.read(name, _LARGEST)
        except OSError as error:
            raise ConfigurationError(f"'{self.folder / name}' cannot be read: {error.strerror or error}") from error


def create_authority(
    folder: Path,
    fleet: str,
    router: RouterEntry,
    passphrase: bytes = b"",
    mqtt: MqttEntry | None = None,
    aws: AwsEntry | None = None,
    pictures: PicturesEntry | None = None,
) -> Authority:
    """Make a fleet: keys, certificates and an empty roster. Nothing is overwritten.

    Raises:
        ConfigurationError: If the folder has a fleet already, or cannot be used.
    """
    check_member_name(fleet, "fleet")
    if (folder / FILE).exists() or (folder / FILE).is_symlink():
        raise ConfigurationError(f"'{folder}' has a fleet already; valid: an empty folder")
    root = create_key(folder, "root", passphrase)
    key, router_key = new_private_key(), new_private_key()
    certificate = make_authority(fleet, key)
    hosts = (router.name, *([mqtt.host] if mqtt is not None else []), "localhost", "127.0.0.1")
    names = tuple(dict.fromkeys(hosts))
    server = make_server_certificate(names, router_key.public_key(), certificate, key)
    file = FleetFile(fleet=fleet, router=router, mqtt=mqtt, aws=aws, pictures=pictures)
    try:
        write_atomically(folder, "authority.key", private_pem(key))
        write_atomically(folder, "authority.pem", certificate_pem(certificate), 0o644)
        write_atomically(folder, "router.key", private_pem(router_key))
        write_atomically(folder, "router.pem", certificate_pem(server), 0o644)
        write_atomically(folder, ROSTER_FILE, file.roster(int(time.time())).signed(root))
        save_fleet_file(folder, file)
    except OSError as error:
        raise ConfigurationError(f"'{folder}' cannot be used: {error.strerror or error}") from error
    made = Authority(folder)
    made.generate()
    return made

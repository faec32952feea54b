"""fleet.yaml: one file that says who belongs to a fleet and where its routers are. Every other configuration is made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.validation import problems_of
from strands_robots.fleet.member import Member, MemberKind, Right
from strands_robots.fleet.roster import Roster
from strands_robots.fleet.roster_keeper import write_atomically
from strands_robots.operators.operator_key import parse_public_key

FILE = "fleet.yaml"
_ENDPOINT = r"^tls/[A-Za-z0-9_.:\[\]-]{1,128}:[0-9]{1,5}$"


class MemberEntry(BaseModel):
    """One member as a person writes it; see Member."""

    model_config = ConfigDict(extra="forbid")

    kind: MemberKind
    cell: str = ""
    may: list[Right] = []
    key: str

    def member(self, name: str) -> Member:
        """Return the member.

        Raises:
            ConfigurationError: If its key is not that of its name, or it may what its kind cannot.
        """
        key = parse_public_key(self.key)
        if key.name != name:
            raise ConfigurationError(f"member '{name}' has the key of '{key.name}'; valid: its own line from enrol")
        return Member(key, self.kind, self.cell, frozenset(self.may))


class RouterEntry(BaseModel):
    """The Zenoh router.

    Attributes:
        listen: Where it listens; TLS only.
        connect: How members reach it.
        name: Name in its certificate.
    """

    model_config = ConfigDict(extra="forbid")

    listen: Annotated[str, Field(pattern=_ENDPOINT)] = "tls/127.0.0.1:7447"
    connect: Annotated[str, Field(pattern=_ENDPOINT)] = "tls/localhost:7447"
    name: str = "localhost"


class MqttEntry(BaseModel):
    """An MQTT broker, the second way between members.

    Attributes:
        host: How members reach it; as in its certificate.
        port: TLS port.
        bind: Address that it listens on.
    """

    model_config = ConfigDict(extra="forbid")

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")] = "localhost"
    bind: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8883


class AwsEntry(BaseModel):
    """AWS IoT Core, one more way between members.

    Attributes:
        endpoint: The account's data endpoint, "<id>-ats.iot.<region>.amazonaws.com".
        port: TLS port of MQTT.
    """

    model_config = ConfigDict(extra="forbid")

    endpoint: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,128}$")]
    port: Annotated[int, Field(ge=1, le=65535)] = 8883


class PicturesEntry(BaseModel):
    """The store that robots upload pictures to.

    Attributes:
        host: As in its URLs: "<bucket>.s3.<region>.amazonaws.com", with ":<port>" where it is not 443.
    """

    model_config = ConfigDict(extra="forbid")

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,128}(:[0-9]{1,5})?$")]


class FleetFile(BaseModel):
    """What fleet.yaml says."""

    model_config = ConfigDict(extra="forbid")

    v: Literal[1] = 1
    fleet: str
    version: Annotated[int, Field(ge=1, le=2**53 - 1)] = 1
    router: RouterEntry = RouterEntry()
    mqtt: MqttEntry | None = None
    aws: AwsEntry | None = None
    pictures: PicturesEntry | None = None
    members: dict[str, MemberEntry] = {}

    def roster(self, issued: int = 0) -> Roster:
        """Return the roster that the file describes; raises ConfigurationError."""
        members = tuple(entry.member(name) for name, entry in sorted(self.members.items()))
        return Roster(self.fleet, self.version, members, issued)


def parse_fleet_file(text: str | bytes, what: str = FILE) -> FleetFile:
    """Return what a fleet.yaml says.

    Raises:
        ConfigurationError: If it is not valid; the message has every field that is wrong.
    """
    try:
        found = FleetFile.model_validate(yaml.safe_load(text))
    except ValidationError as error:
        raise ConfigurationError(f"'{what}' is not valid: {problems_of(error, 'file')}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"'{what}' is no YAML: {error}") from error
    found.roster()
    return found


def load_fleet_file(folder: Path) -> FleetFile:
    """Return the fleet.yaml in a folder; raises ConfigurationError."""
    path = folder / FILE
    try:
        return parse_fleet_file(path.read_bytes(), str(path))
    except OSError as error:
        raise ConfigurationError(
            f"'{path}' cannot be read: {error.strerror}; valid: `strands-robots fleet init`"
        ) from error


def save_fleet_file(folder: Path, file: FleetFile) -> None:
    """Replace the fleet.yaml in a folder; raises OSError."""
    data = yaml.safe_dump(file.model_dump(mode="json", exclude_none=True), sort_keys=False).encode()
    write_atomically(folder, FILE, data, 0o644)

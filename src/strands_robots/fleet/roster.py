"""The roster: who belongs to the fleet, signed by the fleet's root key. Its version never goes back.

The root key signs rosters and nothing else, and lies on no robot. Wire format, canonical JSON (RFC 8785):

    {"roster": {"fleet", "issued", "members": [...], "v": 1, "version"}, "signature": "<128 hex>"}

The signature has the purpose "fleet roster" (operators/operator_key.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.validation import problems_of
from strands_robots.fleet.member import Member, MemberKind, Right, check_member_name
from strands_robots.fleet.refusal import FleetRefusal, FleetRefusedError
from strands_robots.operators.operator_key import OperatorKey, OperatorPublicKey, make_public_key

PURPOSE = "fleet roster"
LARGEST = 1 << 20
"""Most bytes of a signed roster; 1,000 members need about 400 kB."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    kind: str
    cell: str
    rights: list[str]
    public_key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    proof: Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]


class _Statement(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    v: Literal[1]
    fleet: str
    version: Annotated[int, Field(ge=1, le=2**53 - 1)]
    issued: Annotated[int, Field(ge=0, le=2**53 - 1)]
    members: Annotated[list[_Entry], Field(max_length=2000)]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    roster: _Statement
    signature: Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]


@dataclass(frozen=True)
class Roster:
    """The members of a fleet.

    Attributes:
        fleet: Name of the fleet.
        version: Number of the roster; a higher one replaces it.
        members: They.
        issued: When it was signed, wall clock [s since 1970]; shown to people, never judged.
    """

    fleet: str
    version: int
    members: tuple[Member, ...] = ()
    issued: int = 0

    def __post_init__(self) -> None:
        check_member_name(self.fleet, "fleet")
        for what, values in (
            ("name", [member.name for member in self.members]),
            ("key", [member.key.raw.hex() for member in self.members]),
        ):
            twice = (
                sorted({value for value in values if values.count(value) > 1}) if len(set(values)) < len(values) else []
            )
            if twice:
                raise ConfigurationError(f"the {what} {', '.join(twice)} comes twice in the roster; valid: each once")
        object.__setattr__(self, "_by_name", {member.name: member for member in self.members})

    def find(self, name: str) -> Member | None:
        """Return the member of a name, or None."""
        found: Member | None = self._by_name.get(name)  # type: ignore[attr-defined]
        return found

    def robots(self, addressee: str) -> tuple[Member, ...]:
        """Return the robots that an addressee names: one, a cell's, or all."""
        return tuple(member for member in self.members if member.is_robot and member.is_addressed_by(addressee))

    def signed(self, root: OperatorKey) -> bytes:
        """Return the roster with the root key's signature, as it goes over the wire and into the file."""
        statement: dict[str, Any] = {
            "fleet": self.fleet,
            "issued": self.issued,
            "members": [_entry(member) for member in self.members],
            "v": 1,
            "version": self.version,
        }
        signature = root.sign(PURPOSE, rfc8785.dumps(statement))
        return rfc8785.dumps({"roster": statement, "signature": signature.hex()})


def _entry(member: Member) -> dict[str, str | list[str]]:
    return {
        "cell": member.cell,
        "kind": member.kind.value,
        "name": member.name,
        "proof": member.key.proof.hex(),
        "public_key": member.key.raw.hex(),
        "rights": sorted(right.value for right in member.rights),
    }


def parse_roster(data: bytes, roots: Iterable[OperatorPublicKey]) -> Roster:
    """Return the roster in its signed form.

    Args:
        data: What `Roster.signed` returned.
        roots: Root keys that may have signed it; several while one replaces another.

    Raises:
        FleetRefusedError: If it is none, or no root key signed it.
    """
    if len(data) > LARGEST:
        raise FleetRefusedError(FleetRefusal.TOO_LARGE, f"a roster of {len(data)} bytes; valid: at most {LARGEST}")
    return _parsed(data, tuple(roots))


# Hundreds of simulated members in one process go by the same roster; each of its keys has a proof to check.
@lru_cache(maxsize=2)
def _parsed(data: bytes, roots: tuple[OperatorPublicKey, ...]) -> Roster:
    try:
        given = json.loads(data)
        file = _File.model_validate(given)
        statement = rfc8785.dumps(given["roster"])
    except ValidationError as error:
        text = f"no roster: {problems_of(error, 'roster')[:400]}"
        raise FleetRefusedError(FleetRefusal.MALFORMED, text) from error
    except (ValueError, RecursionError) as error:
        raise FleetRefusedError(FleetRefusal.MALFORMED, "no roster: not JSON") from error
    signature = bytes.fromhex(file.signature)
    if not any(root.is_signature(signature, PURPOSE, statement) for root in roots):
        raise FleetRefusedError(
            FleetRefusal.WRONG_SIGNATURE, "the roster is not signed by a root key of this fleet; valid: the pinned keys"
        )
    try:
        members = tuple(_member(entry) for entry in file.roster.members)
        return Roster(file.roster.fleet, file.roster.version, members, file.roster.issued)
    except (ConfigurationError, ValueError) as error:
        raise FleetRefusedError(FleetRefusal.MALFORMED, f"no roster: {error}") from error


def _member(entry: _Entry) -> Member:
    key = make_public_key(entry.name, bytes.fromhex(entry.public_key), bytes.fromhex(entry.proof))
    return Member(key, MemberKind(entry.kind), entry.cell, frozenset(Right(right) for right in entry.rights))

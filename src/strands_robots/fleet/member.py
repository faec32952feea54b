"""Who belongs to a fleet, and what each member may do."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable
from strands_robots.operators.operator_key import OperatorPublicKey

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")

EVERYBODY = "all"
"""Addressee of what concerns every robot."""

CELL_PREFIX = "cell-"
"""An addressee that begins so is every robot of the cell."""


class MemberKind(enum.Enum):
    """What a member is. A simulated robot is a member like any other; it never takes what is meant for hardware."""

    ROBOT = "robot"
    SIM = "sim"
    OPERATOR = "operator"
    AUDITOR = "auditor"


class Right(enum.Enum):
    """What the roster allows a member. Every robot may stop itself, which needs no message; every operator may stop."""

    STOP_CELL = "stop_cell"
    TELL = "tell"
    RESUME = "resume"
    PICTURES = "pictures"


VALID_RIGHTS = {
    MemberKind.ROBOT: {Right.STOP_CELL},
    MemberKind.SIM: {Right.STOP_CELL},
    MemberKind.OPERATOR: {Right.TELL, Right.RESUME, Right.PICTURES},
    MemberKind.AUDITOR: set[Right](),
}
"""Rights that a member of each kind can have."""


@dataclass(frozen=True)
class Member:
    """One member of the fleet.

    Attributes:
        key: Its name and Ed25519 public key, with the key's own proof of both.
        kind: What it is.
        cell: Cell of a robot; empty for none.
        rights: What it may do beside what its kind always may.
    """

    key: OperatorPublicKey
    kind: MemberKind
    cell: str = ""
    rights: frozenset[Right] = frozenset()

    def __post_init__(self) -> None:
        check_member_name(self.key.name)
        if self.cell:
            check_member_name(self.cell, "cell")
        if self.cell and not self.is_robot:
            raise ConfigurationError(f"{self.kind.value} '{self.name}' has the cell '{self.cell}'; valid: robots only")
        wrong = sorted(right.value for right in self.rights - VALID_RIGHTS[self.kind])
        if wrong:
            valid = ", ".join(sorted(right.value for right in VALID_RIGHTS[self.kind])) or "none"
            raise ConfigurationError(
                f"{self.kind.value} '{self.name}' may {', '.join(wrong)}; valid for its kind: {valid}"
            )
        if Right.STOP_CELL in self.rights and not self.cell:
            raise ConfigurationError(f"robot '{self.name}' may stop its cell but has none; valid: a cell")

    @property
    def name(self) -> str:
        """Its name, which is also the common name of its certificate."""
        return self.key.name

    @property
    def is_robot(self) -> bool:
        """Whether it has a graph that moves something, real or simulated."""
        return self.kind in (MemberKind.ROBOT, MemberKind.SIM)

    def is_addressed_by(self, addressee: str) -> bool:
        """Return whether a message with this addressee is meant for the member."""
        if addressee == self.name:
            return True
        return self.is_robot and (addressee == EVERYBODY or (self.cell != "" and addressee == CELL_PREFIX + self.cell))

    def may_stop(self, addressee: str) -> bool:
        """Return whether the member may stop the addressee: operators stop all, a robot its cell where that is allowed."""
        if self.kind is MemberKind.OPERATOR:
            return True
        is_own_cell = self.cell != "" and addressee == CELL_PREFIX + self.cell
        return addressee == self.name or (is_own_cell and Right.STOP_CELL in self.rights)


def check_member_name(name: str, what: str = "member") -> str:
    """Return a name that is fit for a certificate, a Zenoh key and an MQTT topic.

    Raises:
        ConfigurationError: If it is not.
    """
    if not _NAME.fullmatch(name) or name == EVERYBODY or name.startswith(CELL_PREFIX):
        raise ConfigurationError(
            f"{what} '{printable(name)}' cannot be a name; valid: a lower-case letter, then lower-case letters, digits, "
            f"_ and -, at most 32; not '{EVERYBODY}', not '{CELL_PREFIX}...'"
        )
    return name

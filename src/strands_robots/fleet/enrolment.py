"""Who may become a member: only a machine that a one-time invite names, with the fingerprint of its key. A pure decision, no I/O.

A robot makes both of its keys itself and shows a fingerprint. A person reads it there and invites exactly that name with
exactly that key. The same decision serves the command line and a pre-provisioning hook of AWS IoT.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable
from strands_robots.core.validation import problems_of
from strands_robots.fleet.certificates import make_request, new_private_key, private_pem
from strands_robots.fleet.member import MemberKind, Right, check_member_name
from strands_robots.operators.operator_key import OperatorKey, OperatorPublicKey, parse_public_key

PURPOSE = "fleet enrolment"


class EnrolmentRequest(BaseModel):
    """What a member hands in: its public key line, its certificate request, and its signature over both.

    Attributes:
        v: Version of the form.
        key: Public key line of operators/operator_key.py.
        csr: Certificate signing request, PEM.
        signature: By the key, hex.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    v: Literal[1]
    key: Annotated[str, Field(max_length=512)]
    csr: Annotated[str, Field(max_length=4096)]
    signature: Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]

    @property
    def fingerprint(self) -> str:
        """What a person compares: a hash over both keys' statements, 64 hex digits."""
        return hashlib.sha256(rfc8785.dumps({"csr": self.csr, "key": self.key})).hexdigest()


class Invite(BaseModel):
    """One open invitation.

    Attributes:
        name: The member.
        kind: What it will be.
        cell: Its cell.
        may: Its rights.
        fingerprint: Of the request that may use it.
        token_hash: SHA-256 of the one-time token, hex.
        expires: When it ends, wall clock of the authority [s since 1970].
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    kind: MemberKind
    cell: str = ""
    may: list[Right] = []
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    token_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    expires: float


@dataclass(frozen=True)
class Decision:
    """Whether a request is let in.

    Attributes:
        invite: The invite that is used up by it; None when it is denied.
        key: The member's public key, when it could be read.
        message: Why, in words.
    """

    invite: Invite | None
    key: OperatorPublicKey | None
    message: str


def new_request(key: OperatorKey) -> tuple[EnrolmentRequest, bytes]:
    """Return a member's request and the private key (PEM) of its certificate, made here."""
    private = new_private_key()
    csr, line = make_request(key.name, private).decode(), key.public.line()
    signature = key.sign(PURPOSE, rfc8785.dumps({"csr": csr, "key": line})).hex()
    return EnrolmentRequest(v=1, key=line, csr=csr, signature=signature), private_pem(private)


def parse_request(text: str | bytes) -> EnrolmentRequest:
    """Return the request in JSON; raises ConfigurationError."""
    try:
        return EnrolmentRequest.model_validate(json.loads(text))
    except ValidationError as error:
        raise ConfigurationError(f"no enrolment request: {problems_of(error, 'request')}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError("no enrolment request: not JSON") from error


def new_invite(
    name: str, kind: MemberKind, cell: str, may: Sequence[Right], fingerprint: str, expires: float
) -> tuple[Invite, str]:
    """Return an invite and the token that uses it once; only its hash is kept."""
    check_member_name(name)
    token = secrets.token_hex(16)
    try:
        invite = Invite(
            name=name,
            kind=kind,
            cell=cell,
            may=list(may),
            fingerprint=fingerprint,
            token_hash=_hash(token),
            expires=expires,
        )
    except ValidationError as error:
        raise ConfigurationError(f"no invite: {problems_of(error, 'invite')}") from error
    return invite, token


def check_signature(request: EnrolmentRequest) -> OperatorPublicKey:
    """Return the key that signed a request; raises ConfigurationError when the key that it names did not."""
    key = parse_public_key(request.key)
    statement = rfc8785.dumps({"csr": request.csr, "key": request.key})
    if not key.is_signature(bytes.fromhex(request.signature), PURPOSE, statement):
        raise ConfigurationError(
            f"the request is not signed by the key of '{key.name}'; valid: the member's own request"
        )
    return key


def decide(request: EnrolmentRequest, token: str, invites: Sequence[Invite], now: float) -> Decision:
    """Return whether a request is let in: denied, unless everything fits one open invite.

    Args:
        request: What the member handed in.
        token: The one-time token.
        invites: Those that are open.
        now: Wall clock of the authority [s since 1970].
    """
    try:
        key = check_signature(request)
    except ConfigurationError as error:
        return Decision(None, None, f"denied: {error}")
    given = _hash(token)
    invite = next((entry for entry in invites if hmac.compare_digest(entry.token_hash, given)), None)
    if invite is None:
        return Decision(None, key, "denied: no open invite has this token; valid: a token that was not used yet")
    if now > invite.expires:
        return Decision(None, key, f"denied: the invite of '{invite.name}' has expired; valid: a new one")
    if invite.name != key.name:
        return Decision(None, key, f"denied: the invite is for '{invite.name}', the request of '{printable(key.name)}'")
    if not hmac.compare_digest(invite.fingerprint, request.fingerprint):
        return Decision(
            None, key, f"denied: the invite is for the key {invite.fingerprint}, given {request.fingerprint}"
        )
    return Decision(invite, key, f"'{invite.name}' is let in as {invite.kind.value}")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

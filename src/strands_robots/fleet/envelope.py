"""A message and who signed it -> bytes, and back. Canonical JSON (RFC 8785) and Ed25519. No I/O.

    {"message": {"body", "fleet", "from", "kind", "seq", "to", "v": 1}, "signature": "<128 hex>"}

The signature covers the canonical bytes of `message` and has the purpose "fleet <kind>", so that a signature under one
kind is none under another. Bytes that are not the canonical form of what they say are refused: one meaning, one form.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from strands_robots.core.text import printable
from strands_robots.core.validation import problems_of
from strands_robots.fleet.bodies import KIND_OF, KINDS, Body, Sequence
from strands_robots.fleet.refusal import FleetRefusal, FleetRefusedError
from strands_robots.operators.operator_key import OperatorKey, OperatorPublicKey

LARGEST = 4096
"""Most bytes of a message on any transport."""


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    v: Literal[1]
    fleet: Annotated[str, Field(max_length=32)]
    kind: Annotated[str, Field(max_length=32)]
    sender: Annotated[str, Field(max_length=32, alias="from")]
    to: Annotated[str, Field(max_length=48)]
    seq: Sequence
    body: dict[str, Any]


@dataclass(frozen=True)
class Envelope:
    """One message.

    Attributes:
        fleet: Name of the fleet.
        sender: Who it says sent it; proven by `is_signed_by`.
        to: Addressee: a member, a cell or all; empty for every member that listens.
        sequence: Number of the message; rises for each sender and kind.
        body: What it says.
        signed: The bytes that the signature covers.
        signature: 64 bytes.
    """

    fleet: str
    sender: str
    to: str
    sequence: int
    body: Body
    signed: bytes
    signature: bytes

    @property
    def kind(self) -> str:
        """Name of the kind of message."""
        return KIND_OF[type(self.body)]

    def is_signed_by(self, key: OperatorPublicKey) -> bool:
        """Return whether the signature is this key's."""
        return key.is_signature(self.signature, f"fleet {self.kind}", self.signed)

    def encoded(self) -> bytes:
        """Return the bytes for a transport."""
        return _encoded(self.signed, self.signature)


def _encoded(signed: bytes, signature: bytes) -> bytes:
    return b'{"message":' + signed + b',"signature":"' + signature.hex().encode() + b'"}'


def seal(key: OperatorKey, fleet: str, to: str, sequence: int, body: Body) -> Envelope:
    """Return the signed message of the key's owner.

    Raises:
        FleetRefusedError: If it is larger than a message may be.
    """
    kind = KIND_OF[type(body)]
    message: dict[str, Any] = {
        "body": body.model_dump(mode="json"),
        "fleet": fleet,
        "from": key.name,
        "kind": kind,
        "seq": sequence,
        "to": to,
        "v": 1,
    }
    signed = rfc8785.dumps(message)
    sealed = Envelope(fleet, key.name, to, sequence, body, signed, key.sign(f"fleet {kind}", signed))
    if len(sealed.encoded()) > LARGEST:
        raise FleetRefusedError(
            FleetRefusal.TOO_LARGE, f"a {kind} of {len(sealed.encoded())} bytes; valid: at most {LARGEST}", key.name
        )
    return sealed


def open_envelope(data: bytes) -> Envelope:
    """Return the message in a transport's bytes. Nothing is proven but the form.

    Raises:
        FleetRefusedError: If it is no message of this version.
    """
    if len(data) > LARGEST:
        raise FleetRefusedError(FleetRefusal.TOO_LARGE, f"{len(data)} bytes; valid: at most {LARGEST}")
    try:
        given = json.loads(data)
        if not isinstance(given, dict) or given.keys() != {"message", "signature"}:
            raise FleetRefusedError(FleetRefusal.MALFORMED, "no message: not an object of message and signature")
        message, signature = given["message"], bytes.fromhex(given["signature"])
        signed = rfc8785.dumps(message)
        if _encoded(signed, signature) != data:
            raise FleetRefusedError(FleetRefusal.MALFORMED, "no message: not canonical JSON of message and signature")
    except (ValueError, TypeError, RecursionError) as error:
        raise FleetRefusedError(FleetRefusal.MALFORMED, "no message: not canonical JSON") from error
    sender = printable(message.get("from", ""))[:32] if isinstance(message, dict) else ""
    if isinstance(message, dict) and message.get("v") != 1:
        version = printable(message.get("v"))[:16]
        raise FleetRefusedError(FleetRefusal.UNKNOWN_VERSION, f"version {version}; valid: 1", sender)
    try:
        head = _Message.model_validate(message)
        if head.kind not in KINDS or len(signature) != 64:
            kinds = ", ".join(KINDS)
            text = f"kind '{printable(head.kind)}' with a signature of {len(signature)} bytes; valid: {kinds}; 64 bytes"
            raise FleetRefusedError(FleetRefusal.MALFORMED, text, sender)
        body = KINDS[head.kind].model_validate(head.body)
    except ValidationError as error:
        raise FleetRefusedError(FleetRefusal.MALFORMED, problems_of(error, "message")[:400], sender) from error
    return Envelope(head.fleet, head.sender, head.to, head.seq, body, signed, signature)

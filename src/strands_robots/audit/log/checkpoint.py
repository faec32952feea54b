"""A statement about the whole log up to one record, signed, so that it can be kept elsewhere. No I/O."""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import dataclass
from typing import Any

from strands_robots.audit.json_values import JsonObject, JsonValue, canonical
from strands_robots.audit.audit_key import LogKeys, MacKey, AuditPublicKey
from strands_robots.audit.log.record import FORMAT, Head

_TYPES: dict[str, type] = {
    "head": str,
    "key": str,
    "log": str,
    "next_index": int,
    "segment": int,
    "v": int,
    "wall_us": int,
}
_HEX = re.compile(r"(?:[0-9a-f]{2})+")


class CheckpointError(ValueError):
    """Something is not a checkpoint of this format; the message says why."""


@dataclass(frozen=True)
class Checkpoint:
    """Where a log stood.

    Attributes:
        log: Identity of the log, 32 hex digits.
        head: Index of the next record and hash of the last line.
        segment: Number of the newest segment.
        wall_us: When, the writer's wall clock [us].
        signed: The bytes that MAC and signature cover.
        mac: HMAC-SHA256, hex.
        signature: Ed25519, hex.
        key: Public key that signed, hex.
    """

    log: str
    head: Head
    segment: int
    wall_us: int
    signed: bytes
    mac: str
    signature: str
    key: str

    def as_json(self) -> JsonObject:
        """Return the checkpoint as the JSON object of the format."""
        inner: JsonValue = json.loads(self.signed)
        return {"checkpoint": inner, "mac": self.mac, "signature": self.signature}

    def is_authentic(self, mac_key: MacKey | None, public_key: AuditPublicKey | None) -> bool:
        """Return whether MAC and signature fit, each as far as its key is given."""
        signature = bytes.fromhex(self.signature)
        if mac_key is not None and not hmac.compare_digest(mac_key.of_checkpoint(self.signed + signature), self.mac):
            return False
        return public_key is None or public_key.is_signature(signature, self.signed)


def make_checkpoint(log: str, head: Head, segment: int, wall_us: int, keys: LogKeys) -> Checkpoint:
    """Return the signed checkpoint of a log that stands at `head`."""
    key = keys.signing.public.name
    inner: JsonObject = {
        "head": head.hash,
        "key": key,
        "log": log,
        "next_index": head.next_index,
        "segment": segment,
        "v": FORMAT,
        "wall_us": wall_us,
    }
    signed = canonical(inner)
    signature = keys.signing.sign(signed)
    mac = keys.mac.of_checkpoint(signed + signature)
    return Checkpoint(log, head, segment, wall_us, signed, mac, signature.hex(), key)


def parse_checkpoint(value: JsonValue) -> Checkpoint:
    """Return the checkpoint in a JSON object. Nothing is verified but the form.

    Raises:
        CheckpointError: If it is none.
    """
    if not isinstance(value, dict) or value.keys() != {"checkpoint", "mac", "signature"}:
        raise CheckpointError("a checkpoint has the members checkpoint, mac and signature")
    inner, mac, signature = value["checkpoint"], value["mac"], value["signature"]
    if not isinstance(inner, dict) or not isinstance(mac, str) or not isinstance(signature, str):
        raise CheckpointError("a member of the checkpoint has the wrong type")
    for name, kind in _TYPES.items():
        if type(inner.get(name)) is not kind:
            raise CheckpointError(f"member '{name}' of the checkpoint is missing or not {kind.__name__}")
    if inner["v"] != FORMAT:
        raise CheckpointError(f"the checkpoint has format {inner['v']}; this reader knows {FORMAT}")
    if not all(
        isinstance(text, str) and _HEX.fullmatch(text) for text in (mac, signature, inner["head"], inner["key"])
    ):
        raise CheckpointError("mac, signature, head and key of a checkpoint are lower-case hex")
    try:
        signed = canonical(inner)
    except ValueError as error:
        raise CheckpointError(f"the checkpoint cannot be canonical JSON: {error}") from error
    members: dict[str, Any] = {**inner}  # The loop above has checked the types.
    return Checkpoint(
        log=members["log"],
        head=Head(members["next_index"], members["head"]),
        segment=members["segment"],
        wall_us=members["wall_us"],
        signed=signed,
        mac=mac,
        signature=signature,
        key=members["key"],
    )


def parse_checkpoint_text(data: bytes) -> Checkpoint:
    """Return the checkpoint in a file's bytes, padded or not; raises CheckpointError as `parse_checkpoint`."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CheckpointError("a checkpoint is one JSON object") from error
    return parse_checkpoint(value)

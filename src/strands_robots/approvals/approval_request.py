"""One exact request: the name and type of an interface and all its fields, as canonical JSON with a hash. No I/O.

Two requests have the same hash only when they say the same. So nothing is cut, rounded or left out on the way to the
    hash: what
cannot be written exactly is refused.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import rfc8785

from strands_robots.approvals.approval_refusal import ApprovalRefusal, ApprovalRefusedError
from strands_robots.core.text import printable

MAX_FIELDS = 16384
"""Longest canonical JSON of a request's fields [bytes]; a person has to read it."""

_NAME = re.compile(r"/?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
_TYPE = re.compile(r"[a-z][a-z0-9_]*/(srv|action|msg)/[A-Z][A-Za-z0-9]*", re.ASCII)
_MAX_INTEGER = 2**53 - 1
_MAX_DEPTH = 16


@dataclass(frozen=True)
class CanonicalRequest:
    """A request that is fixed to the last bit.

    Attributes:
        name: Name of the interface on the graph, without the leading "/".
        kind: Its full type, for example "strands_robots/action/RunPolicy".
        fields: Canonical JSON of all fields.
        digest: SHA-256 over name, type and fields, hex.
    """

    name: str
    kind: str
    fields: str
    digest: str


def canonical_request(name: str, kind: str, fields: Mapping[str, Any]) -> CanonicalRequest:
    """Return the canonical form of a request.

    Args:
        name: Name of the interface on the graph.
        kind: Its full type.
        fields: Every field by name: numbers, texts, booleans, None, lists and mappings of these. Integers beyond 53
            bits become their decimal digits; bytes become hex.

    Raises:
        ApprovalRefusedError: MALFORMED when something cannot be written exactly, or is too long to be read by a person.

    Source: RFC 8785, JSON Canonicalization Scheme.
    """
    if not _NAME.fullmatch(name) or len(name) > 128:
        raise _malformed(f"name '{printable(name)}' is no name of ROS with at most 128 characters")
    if not _TYPE.fullmatch(kind) or len(kind) > 128:
        raise _malformed(f"type '{printable(kind)}' is no type like 'strands_robots/srv/StopGraph'")
    if not isinstance(fields, Mapping):
        raise _malformed("the fields are no JSON object")
    exact = _exact(fields, "", _MAX_DEPTH)
    try:
        data = rfc8785.dumps(exact)
        whole = rfc8785.dumps({"fields": exact, "name": name.strip("/"), "type": kind, "v": 1})
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise _malformed(f"the fields cannot be canonical JSON: {error}") from error
    if len(data) > MAX_FIELDS:
        raise _malformed(f"the fields have {len(data)} bytes of canonical JSON; valid: at most {MAX_FIELDS}")
    digest = hashlib.sha256(b"strands_robots request 1\n" + whole).hexdigest()
    return CanonicalRequest(name.strip("/"), kind, data.decode(), digest)


def parse_request(name: str, kind: str, fields: str) -> CanonicalRequest:
    """Return the canonical form of a request whose fields are JSON text; raises as `canonical_request`."""
    try:
        value = json.loads(fields, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as error:
        raise _malformed(f"the fields are no JSON: {error}") from error
    return canonical_request(name, kind, value)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice in one object")
    return found


def _exact(value: object, where: str, depth: int) -> Any:
    if depth <= 0:
        raise _malformed(f"field '{where}' is nested deeper than {_MAX_DEPTH}")
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) <= _MAX_INTEGER else str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _malformed(f"field '{where}' is {value}; valid: finite numbers")
        # As an integer, because that is what its canonical form reads back as.
        return _exact(int(value), where, depth) if value.is_integer() else value
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise _malformed(f"field '{where}' has names that are no text")
        return {key: _exact(item, f"{where}.{key}".strip("."), depth - 1) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_exact(item, f"{where}[{index}]", depth - 1) for index, item in enumerate(value)]
    raise _malformed(f"field '{where}' is a {type(value).__name__}; valid: JSON")


def _malformed(message: str) -> ApprovalRefusedError:
    return ApprovalRefusedError(ApprovalRefusal.MALFORMED, message if message.isascii() else printable(message))

"""Anything -> JSON that RFC 8785 can write. Total: whatever comes, something is recorded and nothing raised."""

from __future__ import annotations

import enum
import hashlib
import json
import math
from collections.abc import Mapping, Sequence, Set
from typing import Union

import rfc8785

JsonValue = Union[  # noqa: UP007 (Python 3.10 cannot join a string with |)
    None, bool, int, float, str, list["JsonValue"], dict[str, "JsonValue"]
]
JsonObject = dict[str, JsonValue]

MAX_DETAILS = 16384
"""Longest canonical JSON of an event's details [bytes]."""

BEGINNING = 4096
"""How much of longer details is kept [characters]."""

MAX_INTEGER = 2**53 - 1
"""Largest integer of I-JSON; larger ones become strings."""

_MAX_DEPTH = 8
_MAX_ITEMS = 1024


def canonical(value: JsonValue) -> bytes:
    """Return canonical JSON. The value must come from `to_json` or `json.loads` of canonical JSON.

    Source: RFC 8785, JSON Canonicalization Scheme.
    """
    return rfc8785.dumps(value)


def text(value: str) -> str:
    """Return the string with lone surrogates, which UTF-8 cannot hold, replaced by '?'."""
    return str(value).encode("utf-8", "replace").decode("utf-8")


def integer(value: int) -> int | str:
    """Return the integer, or its decimal digits as a string when JSON readers may not hold it exactly."""
    value = int(value)
    if abs(value) <= MAX_INTEGER:
        return value
    return str(value) if value.bit_length() <= 4096 else hex(value)[:BEGINNING]


def _number(value: float) -> JsonValue:
    """Return a float as JSON that reads back as the same: a whole number as an integer, a large one as a string."""
    if not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    if abs(value) > MAX_INTEGER:
        return repr(value)
    return int(value) if value.is_integer() else value


def to_json(value: object, depth: int = _MAX_DEPTH) -> JsonValue:
    """Return the value as JSON; what JSON lacks becomes a string, what is too deep or long is cut."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, enum.Enum):
        return to_json(value.value, depth)
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int):
        return integer(value)
    if isinstance(value, float):
        return _number(float(value))
    if isinstance(value, (bytes, bytearray)):
        return bytes(value[:MAX_DETAILS]).hex()
    if depth <= 0:
        return f"<{type(value).__name__}: nested too deep>"
    if isinstance(value, Mapping):
        items = list(value.items())[:_MAX_ITEMS]
        return {text(key) if isinstance(key, str) else _name_of(key): to_json(item, depth - 1) for key, item in items}
    if isinstance(value, (Sequence, Set)):
        return [to_json(item, depth - 1) for item in list(value)[:_MAX_ITEMS]]
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return to_json(value.tolist(), depth - 1)
    return f"<{type(value).__name__}>"


def _name_of(key: object) -> str:
    value = to_json(key, 0)
    return value if isinstance(value, str) else json.dumps(value)


def bounded(details: Mapping[str, object]) -> JsonObject:
    """Return details as a JSON object whose canonical form has at most MAX_DETAILS bytes."""
    value = to_json(details)
    assert isinstance(value, dict)
    data = canonical(value)
    if len(data) <= MAX_DETAILS:
        return value
    beginning = data[: 4 * BEGINNING].decode("utf-8", "ignore")[:BEGINNING]
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "beginning": beginning}


def parse_object(data: str) -> JsonObject | None:
    """Return the JSON object in a string, bounded; None when it is something else."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return bounded(value) if isinstance(value, dict) else None

"""JSON schema of a request, made from its interface file: types, bounds, arrays, constants as words, nested messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from strands_robots.agent.tools.definition import Field, Part, load_definition

Schema = dict[str, Any]

DEEPEST = 6
"""Messages nested deeper than this are described as objects without their fields."""

_OURS = "strands_robots"
_WHO = frozenset({"source", "owner"})

LONGEST_COMMENT = 240

_WHOLE: Mapping[str, tuple[int, int]] = MappingProxyType(
    {f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)}
    | {f"uint{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)}
)
_TIMES = frozenset({"builtin_interfaces/msg/Time", "builtin_interfaces/msg/Duration"})
_IS_SUM = re.compile(r"\bsum\b|\bbit ?(mask|wise)|\bflags\b", re.IGNORECASE)


def hidden_fields(kind: str) -> frozenset[str]:
    """Return the fields of a request of this package that say who asks; the caller fills them in for the agent.

    In other packages these names mean other things, so nothing is hidden there.
    """
    package, group, _ = kind.split("/")
    return _WHO if package == _OURS and group != "msg" else frozenset()


def request_schema(kind: str) -> Schema:
    """Return the schema of a service's request, an action's goal, or a message.

    Args:
        kind: Full name of the interface.

    Raises:
        UnknownNameError: If it, or a message in it, is not installed.
    """
    schema = part_schema(load_definition(kind).parts[0])
    for name in hidden_fields(kind):
        schema["properties"].pop(name, None)
    return schema


def part_schema(part: Part, depth: int = 0) -> Schema:
    """Return the schema of one part; every field has a default, so none is required."""
    return {
        "type": "object",
        "properties": {field.name: _field_schema(field, depth) for field in part.fields},
        "additionalProperties": False,
    }


def _field_schema(field: Field, depth: int) -> Schema:
    words = _shorten(field.comment)
    if field.is_list:
        schema: Schema = {"type": "array", "items": _item_schema(field, depth)}
        if field.length is not None:
            schema["minItems"] = schema["maxItems"] = field.length
        elif field.most is not None:
            schema["maxItems"] = field.most
    else:
        schema = _item_schema(field, depth)
        words = (_sum_words(field) + words).strip()
    if words:
        schema["description"] = words
    if field.default is not None:
        schema["default"] = field.default
    return schema


def _item_schema(field: Field, depth: int) -> Schema:
    if field.kind in _WHOLE:
        if field.constants and not _is_sum(field):
            return {"enum": [constant.name for constant in field.constants]}
        low, high = _WHOLE[field.kind]
        return {"type": "integer", "minimum": low, "maximum": high}
    if field.kind == "bool":
        return {"type": "boolean"}
    if field.kind in ("float32", "float64"):
        return {"type": "number"}
    if field.kind in ("string", "wstring"):
        schema: Schema = {"type": "string"}
        if field.longest_text is not None:
            schema["maxLength"] = field.longest_text
        if field.constants:
            schema["enum"] = [constant.value for constant in field.constants]
        return schema
    if field.kind in _TIMES:
        return {"type": "number", "description": "seconds"}
    if depth >= DEEPEST:
        return {"type": "object", "description": field.kind}
    return part_schema(load_definition(field.kind).parts[0], depth + 1)


def _is_sum(field: Field) -> bool:
    return bool(_IS_SUM.search(field.comment))


def _sum_words(field: Field) -> str:
    """Return the numbers that are added up, for a field that takes a sum."""
    if not field.constants or field.kind not in _WHOLE or not _is_sum(field):
        return ""
    return ", ".join(f"{constant.name}={constant.value}" for constant in field.constants) + ". "


def _shorten(text: str) -> str:
    text = text.encode("ascii", "replace").decode()
    return text if len(text) <= LONGEST_COMMENT else text[: LONGEST_COMMENT - 4].rsplit(" ", 1)[0] + " ..."

"""The settings of a policy provider as rows that a person or a model can read: key, type, default, words. No I/O.

Words and units come from the options' own descriptions and from the section "Attributes" of their docstrings.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined, to_jsonable_python

from strands_robots.core.text import printable
from strands_robots.core.validation import nested_models

DEEPEST = 4
_ENTRY = re.compile(r"^    (?P<names>\w+(?:, \w+)*):\s*(?P<words>.*)$")
_KINDS: Mapping[str, str] = {
    "number": "number", "integer": "whole number", "string": "text", "boolean": "true or false", "object": "mapping",
    "null": "null",
}  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """One key.

    Attributes:
        name: Nested ones with dots; "[]" for each item of a list.
        type: What it takes.
        default: Its default as JSON; empty when it must be given.
        words: What it is, with its unit.
    """

    name: str
    type: str
    default: str
    words: str


def settings_of(model: type[BaseModel]) -> list[Setting]:
    """Return every key of some options, nested ones after the one that holds them."""
    return list(_rows(model, "", 0))


def _rows(model: type[BaseModel], prefix: str, depth: int) -> Iterator[Setting]:
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    words = _words_of(model)
    for name, field in model.model_fields.items():
        part = schema["properties"][field.alias or name]
        default = ""
        if not field.is_required():
            value = field.get_default(call_default_factory=True)
            default = json.dumps(to_jsonable_python(value)) if value is not PydanticUndefined else ""
        own = field.description or words.get(name, "")
        yield Setting(prefix + (field.alias or name), type_words(part, definitions), default, own)
        if depth < DEEPEST:
            for inner in nested_models(field.annotation):
                yield from _rows(inner, f"{prefix}{field.alias or name}{_brackets(part)}.", depth + 1)


def _brackets(part: Mapping[str, Any]) -> str:
    """Return what stands between a field and the keys of its parts: nothing, an item, or a name."""
    if part.get("type") == "array":
        return "[]" + _brackets(part.get("items", {}))
    if part.get("type") == "object" and isinstance(part.get("additionalProperties"), Mapping):
        return ".<name>" + _brackets(part["additionalProperties"])
    return ""


def type_words(part: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """Return the words for a type in a JSON schema."""
    if "$ref" in part:
        return type_words(definitions.get(part["$ref"].rsplit("/", 1)[-1], {}), definitions)
    if "anyOf" in part:
        kinds = dict.fromkeys(type_words(each, definitions) for each in part["anyOf"])
        return " or ".join(kind for kind in kinds if kind != "null")
    if "enum" in part or "const" in part:
        return f"one of: {', '.join(map(str, part.get('enum', [part.get('const')])))}"
    kind = part.get("type", "")
    if kind == "array":
        return _list_words(part, definitions)
    if kind == "object" and isinstance(part.get("additionalProperties"), Mapping):
        return f"mapping from names to {type_words(part['additionalProperties'], definitions)}"
    return _KINDS.get(kind, "anything") + _bounds(part)


def _list_words(part: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    items = part.get("prefixItems")
    if items:
        return f"list of {len(items)}: {type_words(items[0], definitions)}"
    return f"list of: {type_words(part.get('items', {}), definitions)}"


def _bounds(part: Mapping[str, Any]) -> str:
    low, above = part.get("minimum"), part.get("exclusiveMinimum")
    high, below = part.get("maximum"), part.get("exclusiveMaximum")
    words = [f"above {above:g}"] if above is not None else [f"from {low:g}"] if low is not None else []
    words += [f"below {below:g}"] if below is not None else [f"up to {high:g}"] if high is not None else []
    return f" {' '.join(words)}" if words else ""


def _words_of(model: type[BaseModel]) -> dict[str, str]:
    """Return what the docstrings of a model and of those that it extends say of its fields."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        names: list[str] = []
        text = kind.__dict__.get("__doc__") if issubclass(kind, BaseModel) else None
        for line in inspect.cleandoc(text or "").splitlines():
            entry = _ENTRY.match(line)
            if entry is not None:
                names = entry["names"].split(", ")
                found |= dict.fromkeys(names, entry["words"])
            elif names and line.startswith("        "):
                found |= {name: f"{found[name]} {line.strip()}" for name in names}
            else:
                names = []
    return {name: printable(words) for name, words in found.items()}

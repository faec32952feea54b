"""The schema of every interface of the package against what rosidl generated from the same file.

Types, bounds, arrays, nested messages, constants, defaults. rosidl's own parser is the witness: nothing of ours reads the files there.
"""

from __future__ import annotations

import importlib
import math
from typing import Any

import pytest
from rosidl_parser.definition import (
    AbstractGenericString,
    AbstractNestedType,
    Array,
    BasicType,
    BoundedSequence,
    BoundedString,
    BoundedWString,
    NamespacedType,
)

from strands_robots.agent.tools.arguments import check_arguments
from strands_robots.agent.tools.definition import load_definition
from strands_robots.agent.tools.schema import DEEPEST, hidden_fields, request_schema
from strands_robots.core.errors import StrandsRobotsError
from strands_robots.core.interface_files import interface_names

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")

OWN = [name for name in interface_names() if name.startswith("strands_robots/")]
WHOLE = {
    "octet": (0, 255), "char": (0, 255), "uint8": (0, 255), "int8": (-128, 127),
    **{f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (16, 32, 64)},
    **{f"uint{bits}": (0, 2**bits - 1) for bits in (16, 32, 64)},
}  # fmt: skip
TIMES = {"builtin_interfaces/msg/Time", "builtin_interfaces/msg/Duration"}


def generated(name: str) -> Any:
    """Return the class of what a model fills in: the message, the request, the goal."""
    package, group, stem = name.split("/")
    found = getattr(importlib.import_module(f"{package}.{group}"), stem)
    return {"msg": found, "srv": getattr(found, "Request", None), "action": getattr(found, "Goal", None)}[group]


def constants_of(kind: Any) -> dict[str, Any]:
    meta = type(kind)
    return dict(getattr(meta, f"_{meta.__name__}__constants", {}))


def check_fields(schema: Any, kind: Any, hidden: frozenset[str], depth: int, path: str) -> None:
    fields = dict(zip(kind.get_fields_and_field_types(), kind.SLOT_TYPES))
    fields.pop("structure_needs_at_least_one_member", None)
    assert set(schema["properties"]) == set(fields) - hidden, path
    assert schema["additionalProperties"] is False and "required" not in schema, path
    fresh = kind()
    for name, entry in schema["properties"].items():
        check_type(entry, fields[name], kind, depth, f"{path}.{name}")
        if "default" in entry:
            assert plain(getattr(fresh, name)) == entry["default"], f"{path}.{name}"


def check_type(entry: Any, kind: Any, owner: Any, depth: int, path: str) -> None:
    if isinstance(kind, AbstractNestedType):
        assert entry["type"] == "array", path
        if isinstance(kind, Array):
            assert entry["minItems"] == entry["maxItems"] == kind.size, path
        elif isinstance(kind, BoundedSequence):
            assert entry["maxItems"] == kind.maximum_size, path
        else:
            assert "maxItems" not in entry, path
        check_type(entry["items"], kind.value_type, owner, depth, f"{path}[]")
    elif isinstance(kind, NamespacedType):
        check_message(entry, "/".join([*kind.namespaces, kind.name]), depth, path)
    elif isinstance(kind, AbstractGenericString):
        assert entry["type"] == "string", path
        bound = kind.maximum_size if isinstance(kind, (BoundedString, BoundedWString)) else None
        assert entry.get("maxLength") == bound, path
    else:
        assert isinstance(kind, BasicType)
        check_number(entry, kind.typename, owner, path)


def check_message(entry: Any, name: str, depth: int, path: str) -> None:
    if name in TIMES:
        assert entry["type"] == "number", path
        assert "[s]" in entry["description"] or "second" in entry["description"], path
    elif depth >= DEEPEST:
        assert entry["type"] == "object", path
    else:
        check_fields(entry, generated(name), frozenset(), depth + 1, path)


def check_number(entry: Any, kind: str, owner: Any, path: str) -> None:
    if "enum" in entry:
        known = constants_of(owner)
        assert entry["enum"] and set(entry["enum"]) <= set(known), (
            f"{path}: words that are constants of {owner.__name__}"
        )
        low, high = WHOLE[kind]
        assert all(low <= known[word] <= high for word in entry["enum"]), path
    elif kind == "boolean":
        assert entry["type"] == "boolean", path
    elif kind in ("float", "double", "long double"):
        assert entry["type"] == "number", path
    else:
        assert (entry["type"], entry["minimum"], entry["maximum"]) == ("integer", *WHOLE[kind]), path


def plain(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float, str)) else [plain(item) for item in value]


@pytest.mark.parametrize("name", OWN)
def test_schema_matches_what_rosidl_made_of_the_same_file(name: str) -> None:
    schema = request_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    check_fields(schema, generated(name), hidden_fields(name), 0, name)


def test_every_constant_of_a_request_is_a_word_of_some_field() -> None:
    """A constant that no field shows is one that a model cannot say."""
    lost = []
    for name in (name for name in OWN if "/msg/" not in name):
        part = load_definition(name).parts[0]
        shown = {constant.name for field in part.fields for constant in field.constants}
        lost += [f"{name} {constant.name}" for constant in part.constants if constant.name not in shown]
    assert not lost


def filled(schema: Any, depth: int = 0) -> Any:
    """Return values that use every field of a schema, with lists as short as they may be."""
    if "enum" in schema:
        return schema["enum"][-1]
    kind = schema["type"]
    if kind == "object":
        return {name: filled(entry, depth + 1) for name, entry in schema.get("properties", {}).items()}
    if kind == "array":
        return [filled(schema["items"], depth + 1)] * max(schema.get("minItems", 0), 1)
    if kind == "string":
        return "x" * min(schema.get("maxLength", 3), 3)
    return {"boolean": True, "number": 0.5, "integer": min(schema.get("maximum", 1), 1)}[kind]


@pytest.mark.parametrize("name", [name for name in OWN if "/msg/" not in name])
def test_values_that_fit_the_schema_fill_the_message_and_others_do_not(name: str) -> None:
    """From the schema to the message on the wire, by the bridge's own code."""
    from strands_robots.ros.messages.message_values import fill_message

    schema = request_schema(name)
    values = filled(schema)
    jsonschema.validate(values, schema)
    assert check_arguments(values, schema) == values
    message = fill_message(generated(name)(), values)
    for field in schema["properties"]:
        entry = schema["properties"][field]
        if entry.get("type") == "number":
            assert math.isclose(seconds_of(getattr(message, field)), 0.5), field
        for wrong in ([], {}, "word that is none", 10**30, None):
            if jsonschema.Draft202012Validator(entry).is_valid(wrong):
                continue
            with pytest.raises(StrandsRobotsError):
                check_arguments({**values, field: wrong}, schema)


def seconds_of(value: Any) -> float:
    return value if isinstance(value, float) else value.sec + value.nanosec / 1e9

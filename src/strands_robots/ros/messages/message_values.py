"""Plain values (of YAML or JSON) <-> messages of any type.

Every error names the field with its path, what was given and what is valid.

Source: the generated Python of rosidl (`get_fields_and_field_types`, `SLOT_TYPES`); what is accepted follows
rosidl_runtime_py `set_message_fields`, which exists only in ROS installations, but refuses what it would convert silently.
"""

from __future__ import annotations

import importlib
import math
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from rosidl_parser.definition import (
    AbstractGenericString,
    AbstractNestedType,
    Array,
    BoundedSequence,
    NamespacedType,
)

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.core.text import printable
from strands_robots.ros.messages.interfaces import type_name

_INTEGERS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        **{f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
        **{f"uint{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
        "char": (0, 255),
        "octet": (0, 255),
    }
)
_LARGEST_FLOAT = 3.4028234663852886e38


def fill_message(message: Any, values: Any, where: str = "") -> Any:
    """Set the fields of a message that are named, and return the message; the others keep their defaults.

    Args:
        message: Message to set.
        values: Value by field name; a constant of the type by its name; Time and Duration also in seconds, and a Time as "now".
        where: Path of the message in a larger one, for errors.

    Raises:
        UnknownNameError: If it has no field of a name.
        ConfigurationError: If a value does not fit its field.
    """
    if not isinstance(values, Mapping):
        raise _problem(where or type_name(message), values, f"fields of {type_name(message)}, as {{name: value}}")
    kinds = dict(zip(message.get_fields_and_field_types(), message.SLOT_TYPES))
    for name, value in values.items():
        if name not in kinds:
            raise UnknownNameError(f"field of {type_name(message)}{f' at {where}' if where else ''}", str(name), kinds)
        path = f"{where}.{name}" if where else str(name)
        if isinstance(value, str) and getattr(kinds[name], "typename", "") in _INTEGERS:
            value = _constant(message, value)
        setattr(message, name, _convert(value, kinds[name], path))
    return message


def _constant(message: Any, name: str) -> Any:
    """Return the value of a constant of the message's type; a word that is none is returned as it is."""
    constant = getattr(type(message), name.upper(), None)
    return constant if isinstance(constant, int) else name


def _convert(value: Any, kind: Any, path: str) -> Any:
    """Return a value in the form that the field of a message takes."""
    if isinstance(kind, AbstractNestedType):
        return _convert_items(value, kind, path)
    if isinstance(kind, NamespacedType):
        message = _class_of(kind)()
        if type_name(message) in ("builtin_interfaces/Time", "builtin_interfaces/Duration"):
            return _convert_time(value, message, path)
        return fill_message(message, value, path)
    if isinstance(kind, AbstractGenericString):
        return _convert_string(value, kind, path)
    return _convert_basic(value, kind, path)


def _convert_items(value: Any, kind: Any, path: str) -> list[Any]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise _problem(path, value, "a list")
    if isinstance(kind, Array) and len(value) != kind.size:
        raise _problem(path, f"a list of {len(value)}", f"a list of exactly {kind.size}")
    if isinstance(kind, BoundedSequence) and len(value) > kind.maximum_size:
        raise _problem(path, f"a list of {len(value)}", f"a list of at most {kind.maximum_size}")
    return [_convert(item, kind.value_type, f"{path}[{index}]") for index, item in enumerate(value)]


def _convert_string(value: Any, kind: Any, path: str) -> str:
    longest = kind.maximum_size if kind.has_maximum_size() else None
    valid = "a text, in quotes if it looks like a number" + (f", at most {longest} bytes" if longest else "")
    if not isinstance(value, str) or (longest is not None and len(value.encode()) > longest):
        raise _problem(path, value, valid)
    return value


def _convert_basic(value: Any, kind: Any, path: str) -> Any:
    name = kind.typename
    if name == "boolean":
        if not isinstance(value, bool):
            raise _problem(path, value, "true or false")
        return value
    if name in _INTEGERS:
        low, high = _INTEGERS[name]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _problem(path, value, f"a whole number from {low} to {high}")
        return bytes([value]) if name == "octet" else value
    if name in ("float", "double", "long double"):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise _problem(path, value, "a number")
        if name == "float" and math.isfinite(value) and abs(value) > _LARGEST_FLOAT:
            raise _problem(path, value, f"a number of at most {_LARGEST_FLOAT:.4g} (float32)")
        return float(value)
    raise _problem(path, value, f"nothing: fields of the type {name} cannot be given as text")


def _class_of(kind: NamespacedType) -> Any:
    return getattr(importlib.import_module(".".join(kind.namespaces)), kind.name)


def _convert_time(value: Any, message: Any, path: str) -> Any:
    """Set a Time or Duration: from its fields, from seconds, and a Time from the word "now"."""
    if value == "now" and type_name(message) == "builtin_interfaces/Time":
        message.sec, message.nanosec = divmod(time.time_ns(), 1_000_000_000)
        return message
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        sec, nanosec = divmod(round(value * 1e9), 1_000_000_000)
        return fill_message(message, {"sec": sec, "nanosec": nanosec}, path)
    if not isinstance(value, Mapping):
        raise _problem(path, value, "seconds, or {sec: 1, nanosec: 500000000}; a Time may also be now")
    return fill_message(message, value, path)


def _problem(path: str, given: Any, valid: str) -> ConfigurationError:
    shown = ascii(given) if not isinstance(given, str) else f"'{printable(given)}'"
    return ConfigurationError(f"{path} is {shown[:120]}; valid: {valid}")


def plain_values(message: Any, longest: int | None = None) -> dict[str, Any]:
    """Return the fields of a message as plain values.

    Args:
        message: The message.
        longest: Lists longer than this are shown by their beginning and their length; None shows everything.
    """
    return {name: _plain(getattr(message, name), longest) for name in message.get_fields_and_field_types()}


def _plain(value: Any, longest: int | None) -> Any:
    if hasattr(value, "get_fields_and_field_types"):
        return plain_values(value, longest)
    if isinstance(value, bytes):
        return value[0] if len(value) == 1 else list(value)
    if isinstance(value, (str, bool, int, float)):
        return value
    length = len(value)
    if longest is None or length <= longest:
        return [_plain(item, longest) for item in _items(value)]
    return [*(_plain(item, longest) for item in _items(value[:longest])), f"... {length} in all"]


def _items(value: Any) -> list[Any]:
    """Return a list of Python's own numbers, of an array.array or a numpy array too."""
    return value.tolist() if hasattr(value, "tolist") else list(value)


def prototype(message: Any) -> dict[str, Any]:
    """Return the fields of a message with their defaults: what a person starts from."""
    return plain_values(message)

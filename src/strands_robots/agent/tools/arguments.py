"""Checks a call's arguments against the tool's schema before anything else looks at them. No I/O.

Only what `schema.py` writes is understood: type, enum, bounds, lengths, nested objects and lists.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping
from typing import Any

from strands_robots.core.errors import ConfigurationError, UnknownNameError

LARGEST = 65536
"""Longest JSON of the arguments [bytes]."""

DEEPEST = 16


def check_arguments(given: Any, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the arguments, which fit the schema.

    Raises:
        UnknownNameError: If a name is not one of the schema's; the message has the valid ones and the nearest.
        ConfigurationError: If a value does not fit; the message has its path, what was given and what is valid.
    """
    if not isinstance(given, Mapping):
        raise _problem("the arguments", given, "a JSON object")
    try:
        size = len(json.dumps(given))
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"the arguments are no JSON: {ascii(str(error))[:200]}") from error
    if size > LARGEST:
        raise ConfigurationError(f"the arguments have {size} bytes of JSON; valid: at most {LARGEST}")
    _check_text(given, "", 0)
    _check(given, schema, "", 0)
    return given


def _check_text(value: Any, path: str, depth: int) -> None:
    """Refuse texts that no message, record or answer can carry: half a character, which JSON can spell."""
    if depth > DEEPEST:
        raise ConfigurationError(f"{path} is nested deeper than {DEEPEST}")
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise _problem(path or "a name", value, "a text of whole Unicode characters") from error
    elif isinstance(value, Mapping):
        for name, item in value.items():
            _check_text(name, f"a name in {path}" if path else "a name", depth + 1)
            _check_text(item, f"{path}.{name}".strip("."), depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_text(item, f"{path}[{index}]", depth + 1)


def nearest(name: str, valid: list[str], most: int = 5) -> list[str]:
    """Return the valid names that are nearest to a name, the nearest first."""
    words = [entry for entry in valid if name and name.lower() in entry.lower()]
    return list(dict.fromkeys([*difflib.get_close_matches(name, valid, most, 0.4), *words]))[:most]


def _check(value: Any, schema: Mapping[str, Any], path: str, depth: int) -> None:
    if depth > DEEPEST:
        raise ConfigurationError(f"{path} is nested deeper than {DEEPEST}")
    if "enum" in schema:
        if value not in schema["enum"]:
            raise _problem(path, value, ", ".join(map(str, schema["enum"])))
        return
    kind = schema.get("type", "object")
    if kind == "object":
        _check_object(value, schema, path, depth)
    elif kind == "array":
        _check_list(value, schema, path, depth)
    elif kind == "string":
        most = schema.get("maxLength")
        if not isinstance(value, str) or (most is not None and len(value.encode("utf-8", "replace")) > most):
            raise _problem(path, value, "a text" + (f" of at most {most} bytes" if most else ""))
    elif kind == "boolean":
        if not isinstance(value, bool):
            raise _problem(path, value, "true or false")
    else:
        _check_number(value, schema, path, kind)


def _check_number(value: Any, schema: Mapping[str, Any], path: str, kind: str) -> None:
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    words = ("a whole number" if kind == "integer" else "a finite number") + (
        f" from {low} to {high}" if math.isfinite(low) or math.isfinite(high) else ""
    )
    if isinstance(value, bool) or not isinstance(value, int if kind == "integer" else (int, float)):
        raise _problem(path, value, words)
    if not math.isfinite(value) or not low <= value <= high:
        raise _problem(path, value, words)


def _check_list(value: Any, schema: Mapping[str, Any], path: str, depth: int) -> None:
    if not isinstance(value, list):
        raise _problem(path, value, "a list")
    low, high = schema.get("minItems", 0), schema.get("maxItems", math.inf)
    if not low <= len(value) <= high:
        raise _problem(path, f"a list of {len(value)}", f"a list of {low} to {high}")
    for index, item in enumerate(value):
        _check(item, schema["items"], f"{path}[{index}]", depth + 1)


def _check_object(value: Any, schema: Mapping[str, Any], path: str, depth: int) -> None:
    if not isinstance(value, Mapping):
        raise _problem(path, value, "an object")
    known = schema.get("properties")
    if known is None:
        return
    for name, item in value.items():
        if name not in known:
            raise UnknownNameError(f"argument{f' of {path}' if path else ''}", str(name)[:80], known)
        _check(item, known[name], f"{path}.{name}".strip("."), depth + 1)
    missing = [name for name in schema.get("required", ()) if name not in value]
    if missing:
        raise ConfigurationError(f"{path or 'the call'} lacks {', '.join(missing)}; valid: {', '.join(known)}")


def _problem(path: str, given: Any, valid: str) -> ConfigurationError:
    return ConfigurationError(f"{path} is {ascii(given)[:120]}; valid: {valid}")

"""Which calls of an agent are a stop, and why it asks: read so that no argument can keep it from being one. No I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strands_robots.safety.stop_words import REASON_LENGTH, clipped

STOP = "stop"
ASKED = "asked by an agent"

_NAMES = frozenset({STOP, "safety_stop", "estop", "emergency_stop"})
_THROUGH = "call_tool"
_MOST_PARSED = 1 << 22
"""A message that is longer is not parsed; its beginning is searched [bytes]."""

_LOOKS_LIKE_A_CALL = re.compile(rb'"tools\\?/call"')
_LOOKS_LIKE_A_STOP = re.compile(rb'"name"\s*:\s*"(?:[A-Za-z0-9_]+_)?(?:safety_stop|e?stop|emergency_stop)"')


def is_stop(name: object, arguments: object = None) -> bool:
    """Return whether a call is a stop: by its own name, as the service safety/stop of a graph, or through call_tool.

    Args:
        name: Name of the tool; anything.
        arguments: Its arguments; anything.
    """
    if not isinstance(name, str):
        return False
    plain = name.strip().lower().lstrip("/").replace("/", "_")
    if plain in _NAMES or plain.endswith("_safety_stop"):
        return True
    return plain == _THROUGH and isinstance(arguments, Mapping) and is_stop(arguments.get("name"))


def stop_reason(name: object, arguments: object) -> str:
    """Return why a stop is asked for, clipped and clipped, whatever the arguments are."""
    if isinstance(name, str) and name.strip().lower() == _THROUGH and isinstance(arguments, Mapping):
        return stop_reason(arguments.get("name"), arguments.get("arguments"))
    given = arguments.get("reason", arguments) if isinstance(arguments, Mapping) else arguments
    if given is None or given == {}:
        return ASKED
    return clipped(given, REASON_LENGTH) or ASKED


@dataclass(frozen=True)
class SeenStop:
    """A stop in a message of an MCP client.

    Attributes:
        reason: Why, clipped and clipped.
        message: The message with the stop in plain words, which nothing on its way can refuse; None where it cannot be read.
    """

    reason: str
    message: bytes | None


def seen_stop(data: bytes) -> SeenStop | None:
    """Return the stop in a JSON-RPC message, or in a batch of them; None when there is none.

    A message that cannot be read and looks like a call of a stop is one.
    """
    if len(data) > _MOST_PARSED:
        return _likely(data[:_MOST_PARSED])
    try:
        given = json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return _likely(data)
    reason = ""
    for message in given if isinstance(given, list) else [given]:
        if (
            isinstance(message, dict)
            and message.get("method") == "tools/call"
            and isinstance(message.get("params"), dict)
        ):
            reason = _plain(message["params"]) or reason
    if not reason:
        return None
    return SeenStop(reason, json.dumps(given).encode("ascii"))


def _plain(params: dict[str, Any]) -> str:
    """Put a stop into plain words in its parameters and return the reason; empty when it is none."""
    name, arguments = params.get("name"), params.get("arguments")
    if not is_stop(name, arguments):
        return ""
    reason = stop_reason(name, arguments)
    params["name"], params["arguments"] = STOP, {"reason": reason}
    if not isinstance(params.get("_meta", {}), dict):
        del params["_meta"]
    return reason


def _likely(data: bytes) -> SeenStop | None:
    is_likely = _LOOKS_LIKE_A_CALL.search(data) and _LOOKS_LIKE_A_STOP.search(data)
    return SeenStop("a stop that cannot be read", None) if is_likely else None

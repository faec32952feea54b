"""What was asked, in short: enough to know what it was, never megabytes. The whole is bound by its digest. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

LONGEST_TEXT = 200
MOST_ITEMS = 8
MOST_FIELDS = 32
_DEPTH = 4


def summarize(fields: Mapping[str, object], depth: int = _DEPTH) -> dict[str, object]:
    """Return the fields of a request with long texts and lists cut to their beginning and their length."""
    items = list(fields.items())[:MOST_FIELDS]
    return {str(name)[:LONGEST_TEXT]: _short(value, depth - 1) for name, value in items}


def _short(value: object, depth: int) -> object:
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": len(value), "beginning": bytes(value[: LONGEST_TEXT // 2]).hex()}
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else {"characters": len(value), "beginning": value[:LONGEST_TEXT]}
    if isinstance(value, Mapping):
        return summarize(value, depth) if depth > 0 else {"fields": len(value)}
    if isinstance(value, Sequence):
        if depth <= 0:
            return {"items": len(value)}
        items = [_short(item, depth - 1) for item in value[:MOST_ITEMS]]
        return items if len(value) <= MOST_ITEMS else {"items": len(value), "beginning": items}
    return value

"""Text from outside, made fit to be shown."""

from __future__ import annotations


def printable(value: object) -> str:
    """Return a value's text in printable ASCII: control characters and other scripts become escapes."""
    return ascii(value if isinstance(value, str) else str(value))[1:-1]

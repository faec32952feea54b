"""Who asks for a stop and why, made of whatever was given. Nothing here refuses: a stop must not fail over its words. No I/O."""

from __future__ import annotations

import json
import reprlib
from dataclasses import dataclass

from strands_robots.core.text import printable

SOURCE_LENGTH = 128
REASON_LENGTH = 256
LARGEST_DATAGRAM = 4096
"""Longer requests are cut; they stop all the same [bytes]."""

_UNREADABLE = "a request that cannot be read"


@dataclass(frozen=True)
class StopWords:
    """Printable ASCII, within the bounds of a stop request.

    Attributes:
        source: Who asks, for example "operator/anna".
        reason: Why; empty when nothing was said.
    """

    source: str
    reason: str

    def to_bytes(self) -> bytes:
        """Return the words as a datagram."""
        return json.dumps({"source": self.source, "reason": self.reason}).encode("ascii")


def stop_words(source: object, reason: object) -> StopWords:
    """Return the words of a stop: clipped, printable, whatever they were before.

    Args:
        source: Who asks; anything.
        reason: Why; anything: a text, None, a number, a text of a megabyte or with lone surrogates.
    """
    return StopWords(clipped(source, SOURCE_LENGTH) or "unknown", clipped(reason, REASON_LENGTH))


def read_stop_words(data: bytes) -> StopWords:
    """Return the words in a datagram; one that cannot be read has words too."""
    try:
        given = json.loads(bytes(data).decode("utf-8"))
        return stop_words(given.get("source"), given.get("reason"))
    except (ValueError, AttributeError, RecursionError):
        return stop_words("unknown", f"{_UNREADABLE}: {bytes(data[:64])!r}" if data else f"{_UNREADABLE}: it is empty")


def clipped(value: object, length: int) -> str:
    """Return a value as printable ASCII of at most `length` characters; it ends in "..." where it was cut."""
    if value is None:
        return ""
    # Cut before anything looks at the whole of it: a text of a megabyte must not cost time.
    text = value[: length + 1] if isinstance(value, str) else reprlib.repr(value)[: length + 1]
    clean = text if text.isascii() and text.isprintable() else printable(text)
    return clean if len(clean) <= length else clean[: length - 3] + "..."

"""One message of the graph as bytes."""

from __future__ import annotations

from typing import NamedTuple


class Message(NamedTuple):
    """One message as it came.

    Attributes:
        topic: Full name of its topic.
        stamp_ns: When it came, wall clock [ns since 1970 UTC].
        data: Its bytes, CDR.
    """

    topic: str
    stamp_ns: int
    data: bytes

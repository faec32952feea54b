"""What carries bytes between members. Admission only: who spoke is proven by the signature in the bytes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Protocol

OnData = Callable[[str, bytes], None]
"""Takes topic and bytes, in a thread of the transport's. Must not raise and not wait."""


class Transport(Protocol):
    """One way between members. A transport whose link is down drops what is published and comes back by itself."""

    name: str

    def publish(self, topic: str, data: bytes, is_stop: bool = False) -> None:
        """Send bytes. Never waits and never raises: what cannot be sent now is dropped."""

    def subscribe(self, topic: str, on_data: OnData) -> None:
        """Call back for what arrives on a topic; `*` in it stands for any one part."""

    def close(self) -> None:
        """Leave."""


class AllTransports:
    """Several transports as one: everything goes over each of them at once, and a receiver takes what comes first.

    Args:
        transports: They; one that raises against its promise is reported and passed over.
    """

    name = "all"

    def __init__(self, transports: Sequence[Transport]) -> None:
        self._transports = tuple(transports)

    def publish(self, topic: str, data: bytes, is_stop: bool = False) -> None:
        """Send bytes over every transport."""
        for transport in self._transports:
            try:
                transport.publish(topic, data, is_stop)
            except Exception as error:  # noqa: BLE001 (one broken way must not keep a stop from the others)
                print(f"transport {transport.name}: {error}", file=sys.stderr)

    def subscribe(self, topic: str, on_data: OnData) -> None:
        """Listen on every transport."""
        for transport in self._transports:
            transport.subscribe(topic, on_data)

    def close(self) -> None:
        """Leave every transport."""
        for transport in self._transports:
            transport.close()

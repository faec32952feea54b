"""What carries bytes between members. Admission only: who spoke is proven by the signature in the bytes."""

from __future__ import annotations

import hashlib
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

OnData = Callable[[str, bytes], None]
"""Takes topic and bytes, in a thread of the transport's. Must not raise and not wait."""


REMEMBERED_COPIES = 4096
"""Messages whose copy over another transport is known."""


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

    The copy of a message that comes over another transport is passed over. A stop is never: whether it is known is for
    the receiver to say, who cannot run out of room for it.

    Args:
        transports: They; one that raises against its promise is reported and passed over.
    """

    name = "all"

    def __init__(self, transports: Sequence[Transport]) -> None:
        self._transports = tuple(transports)
        self._lock = threading.Lock()
        self._first: OrderedDict[bytes, Transport] = OrderedDict()

    @property
    def problem(self) -> str:
        """What keeps each of the transports from its router or broker; empty when one has a link."""
        problems = [str(transport.problem) for transport in self._transports if hasattr(transport, "problem")]
        return "; ".join(problems) if all(problems) else ""

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
            transport.subscribe(topic, self._once(transport, on_data))

    def close(self) -> None:
        """Leave every transport."""
        for transport in self._transports:
            transport.close()

    def _once(self, transport: Transport, on_data: OnData) -> OnData:
        def on_copy(topic: str, data: bytes) -> None:
            if "/stop/" in topic or not self._is_copy(transport, topic, data):
                on_data(topic, data)

        return on_copy

    def _is_copy(self, transport: Transport, topic: str, data: bytes) -> bool:
        """Return whether another transport has brought these bytes; each brings them once, so a replay is no copy."""
        digest = hashlib.blake2b(topic.encode() + b"\0" + data, digest_size=16).digest()
        with self._lock:
            first = self._first.pop(digest, None)
            if first is not None and first is not transport:
                return True
            self._first[digest] = transport
            if len(self._first) > REMEMBERED_COPIES:
                self._first.popitem(last=False)
        return False

"""What carries bytes between members. Admission only: who spoke is proven by the signature in the bytes."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

from strands_robots.fleet.inbox import Inbox

OnData = Callable[[str, bytes], None]
"""Takes topic and bytes, in a thread of the transport's. Must not raise and not wait."""


REMEMBERED_COPIES = 4096
"""Messages whose copy over another transport is known."""

_MOST_OUTGOING = 1024
"""Messages that wait for a transport that hangs; what comes then is dropped. What matters is repeated by who sends it."""

_Outgoing = tuple[str, bytes, bool]


class Transport(Protocol):
    """One way between members. A transport whose link is down drops what is published and comes back by itself."""

    name: str

    @property
    def problem(self) -> str:
        """What keeps it from carrying all that it should; empty for nothing."""

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
        transports: They. Each has a thread that hands it what is published, so one that waits or raises against its
            promise keeps nothing from the others.
    """

    name = "all"

    def __init__(self, transports: Sequence[Transport]) -> None:
        self._transports = tuple(transports)
        self._lock = threading.Lock()
        self._first: OrderedDict[bytes, Transport] = OrderedDict()
        # One queue for stops and the rest: a receiver takes a number only when it is above the last one.
        self._outgoing = [Inbox(_publishing(way), _MOST_OUTGOING, f"fleet {way.name}") for way in transports]

    @property
    def problem(self) -> str:
        """What keeps any of the transports from carrying all that it should; empty for nothing."""
        said = [(way.name, way.problem) for way in self._transports]
        said += [
            (way.name, f"{queue.dropped} messages were dropped; it does not take them")
            for way, queue in zip(self._transports, self._outgoing, strict=True)
            if queue.dropped
        ]
        return "; ".join(f"{name}: {problem}" for name, problem in said if problem)

    def publish(self, topic: str, data: bytes, is_stop: bool = False) -> None:
        """Send bytes over every transport."""
        for queue in self._outgoing:
            queue.put((topic, data, is_stop))

    def subscribe(self, topic: str, on_data: OnData) -> None:
        """Listen on every transport."""
        for transport in self._transports:
            transport.subscribe(topic, self._once(transport, on_data))

    def close(self) -> None:
        """Leave every transport, once it has been handed what was published."""
        for queue in self._outgoing:
            queue.finish()
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


def _publishing(way: Transport) -> Callable[[_Outgoing], None]:
    def publish(item: _Outgoing) -> None:
        way.publish(*item)

    return publish

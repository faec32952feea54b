"""A client of the Foxglove WebSocket protocol, as far as the tests speak it.

Source: github.com/foxglove/ws-protocol, docs/spec.md.
"""

from __future__ import annotations

import contextlib
import json
import struct
import time
from typing import Any

from websockets.sync.client import connect

SUBPROTOCOL = "foxglove.sdk.v1"
_MESSAGE_DATA = 1


class FoxgloveClient:
    """Connects, collects what is advertised, subscribes, receives."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._stack = contextlib.ExitStack()
        self._socket = self._stack.enter_context(
            connect(f"ws://{host}:{port}", subprotocols=[SUBPROTOCOL], max_size=None)
        )  # type: ignore[list-item]
        self.server: dict[str, Any] = {}
        self.channels: dict[str, dict[str, Any]] = {}
        self.received: dict[int, list[tuple[int, bytes]]] = {}

    def receive(self, timeout: float) -> bool:
        """Take one frame; False when none comes in time."""
        try:
            frame = self._socket.recv(timeout=timeout)
        except TimeoutError:
            return False
        if isinstance(frame, bytes):
            if frame[0] == _MESSAGE_DATA:
                subscription, stamp = struct.unpack_from("<IQ", frame, 1)
                self.received.setdefault(subscription, []).append((stamp, frame[13:]))
            return True
        said = json.loads(frame)
        if said["op"] == "serverInfo":
            self.server = said
        elif said["op"] == "advertise":
            self.channels.update({channel["topic"]: channel for channel in said["channels"]})
        elif said["op"] == "unadvertise":
            gone = set(said["channelIds"])
            self.channels = {topic: c for topic, c in self.channels.items() if c["id"] not in gone}
        return True

    def until(self, condition: Any, timeout: float = 10.0) -> None:
        """Receive until a condition holds."""
        end = time.monotonic() + timeout
        while not condition():
            left = end - time.monotonic()
            assert left > 0.0, f"not in {timeout} s; advertised: {sorted(self.channels)}"
            self.receive(min(left, 0.2))

    def subscribe(self, topic: str, number: int) -> None:
        """Ask for a topic's messages; they are kept under the number."""
        self._say({"op": "subscribe", "subscriptions": [{"id": number, "channelId": self.channels[topic]["id"]}]})

    def unsubscribe(self, number: int) -> None:
        """Ask for no more messages of a subscription."""
        self._say({"op": "unsubscribe", "subscriptionIds": [number]})

    def close(self) -> None:
        """Disconnect."""
        self._stack.close()

    def _say(self, words: dict[str, Any]) -> None:
        self._socket.send(json.dumps(words))

"""The last seconds of what was said on the graph, in bounded memory. No I/O."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from strands_robots.mcap.message import Message


@dataclass(frozen=True)
class RingConfig:
    """Options of the ring.

    Attributes:
        seconds: How far it reaches back [s].
        max_bytes: Most bytes that it holds; the oldest go first [bytes].
        picture_period: Shortest time between two pictures of one topic that are kept [s].
    """

    seconds: float = 30.0
    max_bytes: int = 256 << 20
    picture_period: float = 0.5


class Ring:
    """Keeps the messages of the last seconds, and the last one of each topic that is said only once.

    Args:
        config: Options.

    Attributes:
        size: Bytes held.
    """

    def __init__(self, config: RingConfig) -> None:
        self.config = config
        self.size = 0
        self._messages: deque[tuple[int, Message]] = deque()
        self._lasting: dict[str, Message] = {}
        self._pictured_ns: dict[str, int] = {}

    def add(self, message: Message, steady_ns: int) -> None:
        """Take a message, at a time of the steady clock [ns], which decides about its age: the wall clock may jump."""
        self._messages.append((steady_ns, message))
        self.size += len(message.data)
        oldest = steady_ns - int(self.config.seconds * 1e9)
        while self._messages[0][0] < oldest or self.size > self.config.max_bytes:
            self.size -= len(self._messages.popleft()[1].data)
            if not self._messages:
                break

    def add_picture(self, message: Message, steady_ns: int) -> bool:
        """Take a picture unless one of its topic was taken just before; return whether it was taken."""
        if steady_ns - self._pictured_ns.get(message.topic, -(1 << 62)) < self.config.picture_period * 1e9:
            return False
        self._pictured_ns[message.topic] = steady_ns
        self.add(message, steady_ns)
        return True

    def set_lasting(self, message: Message) -> None:
        """Take a message that stays valid until the next of its topic, for example a robot's description."""
        self._lasting[message.topic] = message

    def snapshot(self) -> list[Message]:
        """Return what is held: the lasting messages, stamped with the beginning, then the others in order."""
        messages = [message for _, message in self._messages]
        begin = min((message.stamp_ns for message in messages), default=0)
        lasting = (message._replace(stamp_ns=begin or message.stamp_ns) for message in self._lasting.values())
        return [*lasting, *messages]

"""A connection that heals: back-off between attempts, and a state that says how it is doing."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from strands_robots.policies.remote.errors import BusyError, LinkError, ProtocolError
from strands_robots.policies.remote.transport import Transport

T = TypeVar("T")


class LinkState(str, enum.Enum):
    """How a connection is doing; the values of PolicyState's connection."""

    CONNECTING = "connecting"
    WARMING = "warming"
    STREAMING = "streaming"
    DEGRADED = "degraded"
    STALLED = "stalled"
    RECONNECTING = "reconnecting"
    DEAD = "dead"


@dataclass(frozen=True)
class LinkConfig:
    """Times of a connection.

    Attributes:
        connect_timeout: For one attempt to connect and shake hands [s].
        answer_timeout: For one answer [s].
        slow: An answer that takes longer makes the connection degraded [s].
        patience: So long a lost connection is tried again within one question [s]; then it is dead.
        first_delay, last_delay: Wait before the second attempt, and the longest one; it doubles [s].
        warm_up: For the first answer, and for a server that is busy before it [s].
    """

    connect_timeout: float = 5.0
    answer_timeout: float = 2.0
    slow: float = 0.5
    patience: float = 3.0
    first_delay: float = 0.1
    last_delay: float = 2.0
    warm_up: float = 100.0


class RemoteLink:
    """Asks a server, and connects again when the connection was lost. Belongs to one thread at a time.

    Args:
        transport: The connection.
        shake_hands: Called after each connecting, with the time limit [s]; raises LinkError or ProtocolError.
        config: Times.

    Attributes:
        state: How it is doing.
        reconnects: How often the connection was made again.
    """

    def __init__(
        self, transport: Transport, shake_hands: Callable[[float], None], config: LinkConfig | None = None
    ) -> None:
        self.state = LinkState.CONNECTING
        self.reconnects = 0
        self._transport = transport
        self._shake_hands = shake_hands
        self._config = config if config is not None else LinkConfig()
        self._is_open = False
        self._was_open = False

    def connect(self) -> None:
        """Connect and shake hands, trying again for as long as the patience lasts; before the first answer of a busy server, longer.

        Raises:
            LinkError: If it cannot be done; the state is then DEAD, or WARMING when the server is there and busy.
            ProtocolError: If the server is another one than expected.
        """
        config = self._config
        if self._is_open:
            return
        self.state = LinkState.RECONNECTING if self._was_open else LinkState.CONNECTING
        begin = time.monotonic()
        delay = config.first_delay
        while True:
            try:
                self._transport.open(config.connect_timeout)
                self._shake_hands(config.connect_timeout)
                break
            except ProtocolError:
                self._drop(LinkState.DEAD)
                raise
            except LinkError as error:
                self._transport.close()
                is_busy = isinstance(error, BusyError)
                limit = config.patience if self._was_open or not is_busy else max(config.patience, config.warm_up)
                self.state = LinkState.WARMING if is_busy else self.state
                if time.monotonic() + delay > begin + limit:
                    self.state = LinkState.WARMING if is_busy else LinkState.DEAD
                    raise type(error)(f"{error}; given up after {limit:g} s") from error
                time.sleep(delay)
                delay = min(2.0 * delay, config.last_delay)
        self.reconnects += self._was_open
        self._is_open = self._was_open = True
        self.state = LinkState.STREAMING

    def warm_up(self, message: bytes) -> bytes:
        """Return the answer to the first message, for which the server may compile its model: waits long.

        Raises:
            LinkError: If there is no answer within the configured time.
            ProtocolError: If the server reports an error.
        """
        self.connect()
        self.state = LinkState.WARMING
        try:
            answer = self._transport.exchange(message, self._config.warm_up)
        except LinkError as error:
            self._drop(LinkState.DEAD)
            raise LinkError(f"warm-up: {error}") from error
        except ProtocolError:
            self._drop(LinkState.DEGRADED)
            raise
        self.state = LinkState.STREAMING
        return answer

    def ask(self, message: bytes) -> bytes:
        """Return the answer to a message.

        Raises:
            LinkError: If there is no answer.
            ProtocolError: If the server reports an error.
        """
        return self.exchange(lambda limit: self._transport.exchange(message, limit))

    def exchange(self, talk: Callable[[float], T]) -> T:
        """Return what an exchange with the server gives.

        A connection found lost is made again before it, and once after: a message may then reach the server twice, which for a question
        does no harm. An answer that is late is not waited for: by then the robot is elsewhere.

        Args:
            talk: Sends and receives, within a time limit [s].

        Raises:
            LinkError: If there is no answer.
            ProtocolError: If the server reports an error.
        """
        for attempt in (1, 2):
            self.connect()
            begin = time.monotonic()
            try:
                answer = talk(self._config.answer_timeout)
            except ProtocolError:
                self._drop(LinkState.DEGRADED)
                raise
            except LinkError:
                is_late = time.monotonic() - begin >= self._config.answer_timeout
                self._drop(LinkState.STALLED if is_late else LinkState.RECONNECTING)
                if is_late or attempt == 2:
                    raise
                continue
            is_slow = time.monotonic() - begin > self._config.slow
            self.state = LinkState.DEGRADED if is_slow else LinkState.STREAMING
            return answer
        raise LinkError(f"{self._transport.address} gave no answer")

    def forget(self) -> None:
        """Take the connection for lost: the next question connects anew."""
        self._drop(LinkState.RECONNECTING)

    def close(self) -> None:
        """Disconnect for good."""
        self._drop(LinkState.DEAD)

    def _drop(self, state: LinkState) -> None:
        self._transport.close()
        self._is_open = False
        self.state = state

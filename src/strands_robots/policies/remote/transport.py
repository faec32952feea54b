"""One exchange with a server at a time: WebSocket and ZeroMQ. Each call has a time limit."""

from __future__ import annotations

import contextlib
import importlib
import time
from typing import Any, Protocol

from strands_robots.core.text import printable
from strands_robots.policies.remote.codec import MAX_BYTES
from strands_robots.policies.remote.errors import LinkError, ProtocolError


class Transport(Protocol):
    """A connection that can be opened, asked and closed; a failed one is opened anew."""

    @property
    def address(self) -> str:
        """Where the server is."""

    def open(self, timeout: float) -> None:
        """Connect; raises LinkError."""

    def receive(self, timeout: float) -> bytes:
        """Return the next message; raises LinkError when it does not come, ProtocolError when it is a text."""

    def exchange(self, message: bytes, timeout: float) -> bytes:
        """Send a message and return the answer; raises as `receive`."""

    def close(self) -> None:
        """Disconnect; may be called again."""


class WebSocketTransport:
    """Binary messages over a WebSocket, without compression, as openpi's servers have it.

    Args:
        host, port: Where the server is.
        api_key: Sent as "Authorization: Api-Key <key>"; empty for none.
    """

    def __init__(self, host: str, port: int, api_key: str = "") -> None:
        self._uri = f"ws://{host}:{port}"
        self._headers = {"Authorization": f"Api-Key {api_key}"} if api_key else None
        self._socket: Any = None
        self._stack = contextlib.ExitStack()

    @property
    def address(self) -> str:
        """Where the server is."""
        return self._uri

    def open(self, timeout: float) -> None:
        """Connect.

        Raises:
            LinkError: If nobody answers in time.
        """
        from websockets.exceptions import WebSocketException
        from websockets.sync.client import connect

        try:
            connection = connect(
                self._uri, compression=None, max_size=MAX_BYTES, additional_headers=self._headers, open_timeout=timeout,
                close_timeout=0.5, proxy=None,
            )  # fmt: skip
            self._socket = self._stack.enter_context(connection)
        except (OSError, TimeoutError, WebSocketException) as error:
            raise LinkError(f"no server at {self._uri}: {error}") from error

    def receive(self, timeout: float) -> bytes:
        """Return the next message.

        Raises:
            LinkError: If none comes in time or the connection ends.
            ProtocolError: If it is a text, which is how these servers report their errors.
        """
        from websockets.exceptions import WebSocketException

        try:
            message = self._socket.recv(timeout=timeout)
        except TimeoutError:
            raise LinkError(f"{self._uri} did not answer within {timeout:g} s") from None
        except (OSError, WebSocketException) as error:
            raise LinkError(f"{self._uri} closed the connection: {error}") from error
        if isinstance(message, str):
            raise ProtocolError(f"{self._uri} reports: {_last_line(message)}")
        return bytes(message)

    def send(self, message: bytes) -> None:
        """Send a message; raises LinkError."""
        from websockets.exceptions import WebSocketException

        try:
            self._socket.send(message)
        except (OSError, WebSocketException) as error:
            raise LinkError(f"{self._uri} closed the connection: {error}") from error

    def exchange(self, message: bytes, timeout: float) -> bytes:
        """Send a message and return the answer; raises as `receive`."""
        self.send(message)
        return self.receive(timeout)

    def receive_text(self, timeout: float) -> str:
        """Return the next message as text, for endpoints that answer with one; raises LinkError."""
        try:
            return self.receive(timeout).decode("utf-8", "replace")
        except ProtocolError as error:
            return str(error)

    def close(self) -> None:
        """Disconnect."""
        self._socket = None
        self._stack.close()


class ZmqTransport:
    """Requests and replies over ZeroMQ. A request without a reply spoils the socket, so it is made anew.

    Args:
        host, port: Where the server is.
    """

    def __init__(self, host: str, port: int) -> None:
        self._uri = f"tcp://{host}:{port}"
        self._context: Any = None
        self._socket: Any = None

    @property
    def address(self) -> str:
        """Where the server is."""
        return self._uri

    def open(self, timeout: float) -> None:
        """Make the socket; ZeroMQ connects in the background, so only an exchange tells whether somebody is there."""
        zmq: Any = importlib.import_module("zmq")

        self._context = self._context or zmq.Context()
        self._socket = self._context.socket(zmq.REQ)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_BYTES)
        self._socket.connect(self._uri)

    def receive(self, timeout: float) -> bytes:
        """Return the answer.

        Raises:
            LinkError: If it does not come in time.
        """
        zmq: Any = importlib.import_module("zmq")

        end = time.monotonic() + timeout
        while not self._socket.poll(max(end - time.monotonic(), 0.0) * 1e3, zmq.POLLIN):
            if time.monotonic() >= end:
                raise LinkError(f"{self._uri} did not answer within {timeout:g} s")
        return bytes(self._socket.recv())

    def exchange(self, message: bytes, timeout: float) -> bytes:
        """Send a message and return the answer; raises as `receive`."""
        zmq: Any = importlib.import_module("zmq")

        try:
            self._socket.send(message, zmq.NOBLOCK)
        except zmq.ZMQError as error:
            raise LinkError(f"{self._uri} takes no message: {error}") from error
        return self.receive(timeout)

    def close(self) -> None:
        """Let go of the socket."""
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.close()


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return printable(lines[-1] if lines else "an error without words")[:1024]

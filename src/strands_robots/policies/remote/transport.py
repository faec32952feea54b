"""One exchange with a server at a time: WebSocket and ZeroMQ. Each call has a time limit."""

from __future__ import annotations

import contextlib
import importlib
import socket
import time
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from strands_robots.core.text import printable
from strands_robots.policies.remote.codec import MAX_BYTES
from strands_robots.policies.remote.errors import BusyError, LinkError, ProtocolError

PING_INTERVAL, PING_TIMEOUT = 60.0, 600.0
"""These servers compute in the loop that answers pings, so that a ping waits as long as an inference [s]; VERA's own client."""

PROBE_TIMEOUT = 1.0
"""To find out whether a server listens [s]."""


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


def listens(host: str, port: int) -> bool:
    """Return whether a process takes connections there, whatever it does with them."""
    try:
        with socket.create_connection((host, port), PROBE_TIMEOUT):
            return True
    except OSError:
        return False


class WebSocketTransport:
    """Binary messages over a WebSocket, without compression, as openpi's servers have it.

    Args:
        uri: Where the server is, ws:// or wss://.
        headers: What is said about who asks.
    """

    def __init__(self, uri: str, headers: Mapping[str, str] | None = None) -> None:
        self._uri = uri
        self._headers = dict(headers or {})
        self._socket: Any = None
        self._stack = contextlib.ExitStack()

    @property
    def address(self) -> str:
        """Where the server is."""
        return self._uri

    def open(self, timeout: float) -> None:
        """Connect.

        Raises:
            BusyError: If a server listens and does not answer in time.
            LinkError: If no server listens, or the connection fails.
            ProtocolError: If another kind of server answers.
        """
        from websockets.exceptions import InvalidStatus, WebSocketException
        from websockets.sync.client import connect

        try:
            connection = connect(
                self._uri, compression=None, max_size=MAX_BYTES, additional_headers=self._headers, open_timeout=timeout,
                close_timeout=0.5, proxy=None, ping_interval=PING_INTERVAL, ping_timeout=PING_TIMEOUT,
            )  # fmt: skip
            self._socket = self._stack.enter_context(connection)
        except InvalidStatus as error:
            status = error.response.status_code
            if status < 500:
                raise ProtocolError(
                    f"{self._uri} answers HTTP {status} to a WebSocket; valid: the server's own path and key"
                ) from error
            raise LinkError(f"no server at {self._uri}: {error}") from error
        except TimeoutError as error:
            found = urlsplit(self._uri)
            port = found.port or (443 if found.scheme == "wss" else 80)
            if listens(found.hostname or "", port):
                raise BusyError(
                    f"{self._uri} is busy: its port is open, and it did not answer within {timeout:g} s, as when it compiles"
                ) from error
            raise LinkError(f"no server at {self._uri}: {error}") from error
        except (OSError, WebSocketException) as error:
            raise LinkError(f"no server at {self._uri}: {error}") from error

    def receive(self, timeout: float) -> bytes:
        """Return the next message.

        Raises:
            LinkError: If none comes in time or the connection ends.
            ProtocolError: If it is a text, which is how these servers report their errors.
        """
        message = self.receive_any(timeout)
        if isinstance(message, str):
            raise ProtocolError(f"{self._uri} reports: {_last_line(message)}")
        return message

    def receive_any(self, timeout: float) -> bytes | str:
        """Return the next message, text or not; raises LinkError as `receive`."""
        from websockets.exceptions import WebSocketException

        try:
            message = self._socket.recv(timeout=timeout)
        except TimeoutError:
            raise LinkError(f"{self._uri} did not answer within {timeout:g} s") from None
        except (OSError, WebSocketException) as error:
            raise LinkError(f"{self._uri} closed the connection: {error}") from error
        return message if isinstance(message, str) else bytes(message)

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
        self._place = host, port
        self._context: Any = None
        self._socket: Any = None

    @property
    def address(self) -> str:
        """Where the server is."""
        return self._uri

    def open(self, timeout: float) -> None:
        """Make the socket; ZeroMQ connects in the background, so whether a server listens is asked first.

        Raises:
            LinkError: If no server listens.
        """
        zmq: Any = importlib.import_module("zmq")

        if not listens(*self._place):
            raise LinkError(f"no server at {self._uri}: nothing listens there")
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

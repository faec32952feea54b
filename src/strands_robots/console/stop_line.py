"""The stop's own way to the console: a port on which nothing but stops arrives, with a thread for each connection. No ROS."""

from __future__ import annotations

import http
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.sync.server import ServerConnection, serve

from strands_robots.console.loopback import HOST, LOOPBACK, MOST_REMOTE, Names, bound
from strands_robots.console.stops import Stops
from strands_robots.core.priority import hurry

BEAT = 0.25
"""A page hears this often that the way is open [s]."""

MOST_BYTES = 65536

OPEN_TIME = CLOSE_TIME = 3.0
"""A connection is opened, and closed at the end, within this [s]: a peer that is gone does not keep the console."""

_RETRY = 0.02  # [s]
_LOOK = 100  # The longest time in which the end of the listener is not seen [ms].


class StopLine:
    """Listens for stops. Every message on a connection is one, whatever it says. `close` ends it.

    Args:
        stops: Makes the stops.
        port: Port; 0 for a free one.
        host: Address of this machine.
        names: Names of the listener.
        tls: For browsers of other machines; None on the loopback.

    Attributes:
        port: The port it listens on.

    Raises:
        ConfigurationError: If the port cannot be had.
    """

    def __init__(
        self, stops: Stops, port: int, host: str = HOST, names: Names = LOOPBACK, tls: ssl.SSLContext | None = None
    ) -> None:
        self._stops, self._names = stops, names
        self._socket: socket.socket = bound(port, host)
        self.port = int(self._socket.getsockname()[1])
        self._server = serve(
            self._serve, sock=self._socket, process_request=self._refuse_others, ssl=tls, max_size=MOST_BYTES, compression=None,
            ping_interval=None, open_timeout=OPEN_TIME, close_timeout=CLOSE_TIME,
        )  # fmt: skip
        listener = _Listener(self._server.socket, None if tls is None else MOST_REMOTE)
        self._server.socket = listener  # type: ignore[assignment]
        self._server.handler = listener.counting(self._server.handler)
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._server.serve_forever, name="stop line", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the listener and, within a beat, the connections: with websockets 16, on Python 3.10, nothing else ends them."""
        self._is_ending.set()
        self._server.shutdown()
        self._thread.join(1.0)

    def _serve(self, connection: ServerConnection) -> None:
        hurry()
        try:
            while not self._is_ending.is_set():
                try:
                    message = connection.recv(timeout=BEAT)
                except TimeoutError:
                    connection.send("open")
                    continue
                # First the stop, then the answer: a page that is gone has asked all the same.
                number = self._stops.take(message)
                connection.send(f"asked {number}")
        except ConnectionClosed as end:
            if end.sent is not None and end.sent.code == CloseCode.MESSAGE_TOO_BIG:
                self._stops.take("")  # It was a message, and every message is a stop.

    def _refuse_others(self, connection: ServerConnection, request: Any) -> Any:
        """Refuse pages of other sites. The browser says whose page it is; a program without a page says nothing."""
        origin = request.headers.get("Origin")
        if self._names.is_host(request.headers.get("Host", "")) and (origin is None or self._names.is_origin(origin)):
            return None
        return connection.respond(http.HTTPStatus.FORBIDDEN, "another site's page; valid: the console's own\n")


class _Listener:
    """A listening socket that goes on after a connection that cannot be accepted; websockets ends its server at the first one.

    One that is gone before it is accepted, or comes when no file may be opened, must not end the stop's own way.

    It counts the connections that are served: only websockets 17 knows them.

    Args:
        listener: The socket.
        most: Connections that are served at a time; None for any number.
    """

    def __init__(self, listener: socket.socket, most: int | None) -> None:
        listener.setblocking(False)
        self._listener, self._most = listener, most
        self._served = 0
        self._lock = threading.Lock()

    def counting(self, handler: Callable[[socket.socket, Any], None]) -> Callable[[socket.socket, Any], None]:
        """Return the handler of a connection; when it ends there is room for another."""

        def handle(made: socket.socket, address: Any) -> None:
            try:
                handler(made, address)
            finally:
                with self._lock:
                    self._served -= 1

        return handle

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listener, name)

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next connection; raises OSError once the socket is closed."""
        while True:
            try:
                made, address = self._listener.accept()
            except OSError as error:
                number = self._listener.fileno()
                if number < 0:
                    raise
                self._wait(number, isinstance(error, BlockingIOError))
                continue
            with self._lock:
                has_room = self._most is None or self._served < self._most
                self._served += has_room
            if has_room:
                made.setblocking(True)
                return made, address
            made.close()

    @staticmethod
    def _wait(number: int, is_empty: bool) -> None:
        """Wait for the next connection where none waits; else a moment, for one does and cannot be had."""
        if not is_empty:
            time.sleep(_RETRY)
            return
        poll = select.poll()
        poll.register(number, select.POLLIN)
        poll.poll(_LOOK)

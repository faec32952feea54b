"""The console's listeners: uvicorn for the pages, and the stop's own; the same for other machines over TLS. No ROS."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.routing import Route
from starlette.types import ASGIApp

from strands_robots.console.app import Facts, Parts, console_app
from strands_robots.console.feed import Feed
from strands_robots.console.guard import ENTER
from strands_robots.console.loopback import HOST, MOST_REMOTE, bound
from strands_robots.console.port import Driving, GraphView, Orders
from strands_robots.console.sessions import Sessions
from strands_robots.console.stop_line import StopLine
from strands_robots.console.stops import StopGraph, Stops
from strands_robots.console.tls import Listen
from strands_robots.console.viewers import Viewers
from strands_robots.core.errors import ConfigurationError

START_TIME = 10.0
END_TIME = 0.5


@dataclass(frozen=True)
class ConsoleConfig:
    """What a person chooses.

    Attributes:
        port: Port of the pages; 0 for a free one.
        stop_port: Port of the stop's own way; 0 for a free one.
        graph: The graph's name, shown on every page.
        stop_button: Where the stop button is that works without this machine's browser.
        source: Who asks, in leases and the audit log.
        listen: Where browsers of other machines may look on, stop and sign in, over TLS; None for nowhere.
    """

    port: int = 8780
    stop_port: int = 8781
    graph: str = "/"
    stop_button: str = ""
    source: str = "operator/console"
    listen: Listen | None = None


class ConsoleServer:
    """Serves the console in threads of its own. `close` ends them.

    Args:
        config: What a person chose.
        secret: Of the sessions.
        stop: Stops the graph.
        view, orders, driving: The graph.
        show_address: Takes each new one-time address, for the terminal.
        tell: Takes a line for the log.
        more: Returns what is added to each state.
        reads: More routes that only read.

    Attributes:
        port, stop_port: Where it listens.
        remote_port, remote_stop_port: Where it listens for other machines; 0 for nowhere.

    Raises:
        ConfigurationError: If a port cannot be had, or uvicorn is missing.
    """

    def __init__(
        self, config: ConsoleConfig, secret: bytes, stop: StopGraph, view: GraphView, orders: Orders, driving: Driving,
        show_address: Callable[[str], None], tell: Callable[[str], None], more: Callable[[], dict[str, Any]] = dict,
        reads: Sequence[Route] = (),
    ) -> None:  # fmt: skip
        try:
            import uvicorn  # noqa: F401
        except ImportError as error:
            raise ConfigurationError(
                f"uvicorn is not installed ({error}); install it with: pip install -r requirements/console.txt"
            ) from error
        self.sessions = Sessions(secret)
        self.stops = Stops(stop, config.source)
        self._show_address = show_address
        listen, self._names = config.listen, None if config.listen is None else config.listen.names()
        tls = None if listen is None else listen.context()
        self._lines: list[StopLine] = []
        with contextlib.ExitStack() as undo:  # A port that cannot be had leaves none of the others behind.
            listeners = [undo.enter_context(contextlib.closing(bound(config.port)))]
            self._lines.append(StopLine(self.stops, config.stop_port))
            undo.callback(self._lines[0].close)
            if listen is not None and self._names is not None:
                listeners.append(undo.enter_context(contextlib.closing(bound(listen.port, listen.host, MOST_REMOTE))))
                self._lines.append(StopLine(self.stops, listen.stop_port, listen.host, self._names, tls))
            undo.pop_all()
        self.port, self.stop_port = int(listeners[0].getsockname()[1]), self._lines[0].port
        self.remote_port = self.remote_stop_port = 0
        if listen is not None:
            self.remote_port, self.remote_stop_port = int(listeners[1].getsockname()[1]), self._lines[1].port
        self._viewers = Viewers(view, lambda: {"stop": self.stops.last, **more()}, tell)
        feed = Feed(self.sessions, self._viewers, self.stops, driving)
        facts = Facts(config.graph, self.stop_port, config.stop_button, self.remote_stop_port)
        parts = Parts(self.sessions, self.stops, feed, orders, facts, self.show_address, tuple(reads))
        here, elsewhere = console_app(parts, self._names)
        self._servers = [_Served(here, listeners[0], {})]
        if listen is not None and elsewhere is not None:
            files = {"ssl_certfile": str(listen.certificate), "ssl_keyfile": str(listen.key)}
            self._servers.append(_Served(elsewhere, listeners[1], files))

    def show_address(self) -> None:
        """Make a new one-time address and show it."""
        if self._names is not None:
            name = self._names.names[0]
            host = f"[{name}]" if ":" in name else name
            self._show_address(f"https://{host}:{self.remote_port}{ENTER}?key={self.sessions.invite()}")
        self._show_address(f"http://{HOST}:{self.port}{ENTER}?key={self.sessions.invite()}")

    def close(self) -> None:
        """End the listeners, the pages first: a stop is taken to the end."""
        for served in self._servers:
            served.close()
        self._viewers.close()
        for line in self._lines:
            with contextlib.suppress(OSError):
                line.close()


class _Served:
    """uvicorn on one socket, in a thread of its own. `close` ends it."""

    def __init__(self, app: ASGIApp, listener: socket.socket, files: Mapping[str, str]) -> None:
        import uvicorn

        options = uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, ws="websockets-sansio", ws_max_size=16384,
            timeout_graceful_shutdown=1, loop="asyncio", h11_max_incomplete_event_size=16384, **files,  # type: ignore[arg-type]
        )  # fmt: skip
        self._server = uvicorn.Server(options)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="console", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + START_TIME
        while not self._server.started and self._thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.005)
        if not self._server.started:
            raise ConfigurationError(f"the console's server did not start within {START_TIME:g} s")

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(END_TIME)

"""The console's two listeners: uvicorn for the pages, and the stop's own. No ROS."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.routing import Route

from strands_robots.console.app import Facts, Parts, console_app
from strands_robots.console.feed import Feed
from strands_robots.console.guard import ENTER
from strands_robots.console.loopback import HOST, bound
from strands_robots.console.port import Driving, GraphView, Orders
from strands_robots.console.sessions import Sessions
from strands_robots.console.stop_line import StopLine
from strands_robots.console.stops import StopGraph, Stops
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
    """

    port: int = 8780
    stop_port: int = 8781
    graph: str = "/"
    stop_button: str = ""
    source: str = "operator/console"


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

    Raises:
        ConfigurationError: If a port cannot be had, or uvicorn is missing.
    """

    def __init__(
        self, config: ConsoleConfig, secret: bytes, stop: StopGraph, view: GraphView, orders: Orders, driving: Driving,
        show_address: Callable[[str], None], tell: Callable[[str], None], more: Callable[[], dict[str, Any]] = dict,
        reads: Sequence[Route] = (),
    ) -> None:  # fmt: skip
        try:
            import uvicorn
        except ImportError as error:
            raise ConfigurationError(
                f"uvicorn is not installed ({error}); install it with: pip install -r requirements/console.txt"
            ) from error
        self.sessions = Sessions(secret)
        self.stops = Stops(stop, config.source)
        self._show_address = show_address
        listener = bound(config.port)
        self.port = int(listener.getsockname()[1])
        try:
            self._line = StopLine(self.stops, config.stop_port)
        except ConfigurationError:
            listener.close()
            raise
        self.stop_port = self._line.port
        self._viewers = Viewers(view, lambda: {"stop": self.stops.last, **more()}, tell)
        feed = Feed(self.sessions, self._viewers, self.stops, driving)
        facts = Facts(config.graph, self.stop_port, config.stop_button)
        app = console_app(Parts(self.sessions, self.stops, feed, orders, facts, self.show_address, tuple(reads)))
        self._server = uvicorn.Server(
            uvicorn.Config(
                app, log_config=None, access_log=False, server_header=False, ws="websockets-sansio", ws_max_size=16384,
                timeout_graceful_shutdown=1, h11_max_incomplete_event_size=16384,
            )
        )  # fmt: skip
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="console", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + START_TIME
        while not self._server.started and self._thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.005)
        if not self._server.started:
            raise ConfigurationError(f"the console's server did not start within {START_TIME:g} s")

    def show_address(self) -> None:
        """Make a new one-time address and show it."""
        self._show_address(f"http://{HOST}:{self.port}{ENTER}?key={self.sessions.invite()}")

    def close(self) -> None:
        """End both listeners, the pages first: a stop is taken to the end."""
        self._server.should_exit = True
        self._thread.join(END_TIME)
        self._viewers.close()
        with contextlib.suppress(OSError):
            self._line.close()

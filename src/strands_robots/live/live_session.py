"""The live view as a program: keys, screen, the graph's process and its end. ROS is loaded late, so that the graph starts first."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from strands_robots.live.child import ChildGraph
from strands_robots.live.log import LogTail
from strands_robots.live.terminal import Keys
from strands_robots.safety.local_stop import local_stop
from strands_robots.safety.stop_report import verdict
from strands_robots.safety.stop_words import stop_words

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rich.console import Console

    from strands_robots.clients.client import GraphClient
    from strands_robots.clients.live_watch import LiveSnapshot, LiveWatch, StopKey
    from strands_robots.safety.stop_report import StopReport

PERIOD = 0.3
"""Time between two pictures of the screen [s]."""

CONNECT_DELAY = 1.5
"""ROS is loaded this long after the nodes were started [s], so that it does not slow their start."""

LOCAL_TIME = 5.0
"""How long a stop asks on at the sockets of this machine [s]."""

END_TIME = 6.0
"""Longest time for the graph's end after it was asked to [s]."""

KEYS = " space: STOP every robot    q, Ctrl-C: end the graph "
KEYS_ATTACHED = " space: STOP every robot    q, Ctrl-C: leave the view; the graph continues "


class LiveSession:
    """One view on one graph.

    Args:
        connect: Gives a client of the graph.
        source: Who asks when space is pressed.
        child: The graph's process with its log; None for a graph that was started elsewhere.
    """

    def __init__(
        self,
        connect: Callable[[], AbstractContextManager[GraphClient]],
        source: str,
        child: tuple[ChildGraph, LogTail] | None,
    ) -> None:
        self._connect = connect
        self._source = source
        self._child = child
        self._notice = ""
        self._stop_key: StopKey | None = None
        self._stop_waits = False
        self._lock = threading.Lock()
        self._quit = threading.Event()

    def on_key(self, key: str) -> None:
        """React to a key; called by the thread that reads them. A stop goes out from here, whatever the screen does."""
        if key == " ":
            with self._lock:
                self._stop_waits = self._stop_key is None
                if self._stop_key is not None:
                    self._press(self._stop_key)
                else:
                    # The sockets of this machine need no ROS, which may not even be loaded yet.
                    threading.Thread(target=self._stop_locally, name="stop key", daemon=True).start()
                    self._notice = "STOP is sent on this machine, and over ROS as soon as the graph is reached"
        elif key in ("q", "Q"):
            self._quit.set()

    def run(self, console: Console) -> int:
        """Show the graph until a key, a signal or the graph's own end, and return the exit code."""
        from rich.live import Live

        started = time.monotonic()
        with ExitStack() as stack:
            stack.enter_context(_signals(self._quit))
            stack.enter_context(Keys(self.on_key, sys.stdin.fileno()))
            live = stack.enter_context(Live(console=console, screen=True, auto_refresh=False))
            watch: LiveWatch | None = None
            while not self._quit.wait(PERIOD) and self._is_alive():
                if watch is None and (self._child is None or time.monotonic() - started > CONNECT_DELAY):
                    watch = self._open(stack.enter_context(self._connect()))
                self._show(live, console, watch)
            return self._end(live, console)

    def _open(self, client: GraphClient) -> LiveWatch:
        from strands_robots.clients.live_watch import LiveWatch, StopKey

        watch, key = LiveWatch(client), StopKey(client, self._source, self._on_report)
        with self._lock:
            self._stop_key = key
            if self._stop_waits:
                self._press(key)
        return watch

    def _press(self, key: StopKey) -> None:
        key.press()
        self._notice = f"STOP sent {time.strftime('%H:%M:%S')}"

    def _on_report(self, report: StopReport) -> None:
        """Say what became of a stop; called by the thread that asked."""
        self._notice = f"STOP sent, {time.strftime('%H:%M:%S')}: {verdict(report)}"

    def _stop_locally(self) -> None:
        with contextlib.closing(local_stop(os.environ, None)) as stop:
            stop.run(stop_words(self._source, "space in the live view"), LOCAL_TIME)

    def _show(self, live: object, console: Console, watch: LiveWatch | None) -> None:
        from rich.live import Live

        from strands_robots.live.screen import ScreenContent, render

        assert isinstance(live, Live)
        snapshot: LiveSnapshot | None = None
        if watch is not None and self._stop_key is not None:
            snapshot = watch.look()
        tail = self._child[1] if self._child else None
        height = console.size.height
        frame = ScreenContent(
            snapshot,
            self._notice,
            tail.last(height) if tail else (),
            (tail.problem or str(tail.path)) if tail else "",
            KEYS if self._child else KEYS_ATTACHED,
            height,
        )
        live.update(render(frame), refresh=True)

    def _is_alive(self) -> bool:
        return self._child is None or self._child[0].poll() is None

    def _end(self, live: object, console: Console) -> int:
        """End the graph and return its exit code."""
        if self._child is None:
            return 0
        graph, tail = self._child
        self._notice = "ending the graph ..."
        deadline = time.monotonic() + END_TIME
        graph.interrupt()
        while graph.poll() is None and time.monotonic() < deadline:
            self._show(live, console, None)
            time.sleep(0.1)
        if graph.poll() is None:
            graph.kill()
            while graph.poll() is None:
                time.sleep(0.01)
        tail.join(1.0)
        return graph.poll() or 0


@contextlib.contextmanager
def _signals(quit_event: threading.Event) -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP set an event."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda number, frame: quit_event.set()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

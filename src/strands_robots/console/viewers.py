"""Who looks at the console, and the thread that looks at the graph for them; it sleeps while no page is open. No ROS."""

from __future__ import annotations

import asyncio
import json
import math
import threading
import time
from collections.abc import Callable
from typing import Any

from strands_robots.console.port import GraphView, Picture
from strands_robots.core.errors import StrandsRobotsError

STATE_PERIOD = 0.1
"""Time between two states on a page [s]."""

PICTURE_PERIOD = 0.008
"""Time between two looks for new pictures, while a page shows a camera [s]."""

END_TIME = 1.0
LINGER = 2.0
"""The graph is let go this long after the last page: a reload finds it as it was [s]."""


class Viewer:
    """One page that is open. Made and read in the server's loop; filled by the looking thread.

    Attributes:
        is_looking: The page is visible.
        cameras: Cameras that it shows.
        news: Set when there is something to send.
    """

    def __init__(self) -> None:
        self.is_looking = True
        self.cameras: frozenset[str] = frozenset()
        self.news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._state: str | None = None
        self._pictures: dict[str, tuple[Picture, float]] = {}
        self._on_way: set[str] = set()

    def give_state(self, text: str) -> None:
        """Take the newest state; one that was not sent yet is replaced."""
        self._state = text
        self._wake()

    def give_picture(self, picture: Picture, now: float) -> None:
        """Take a camera's newest picture at steady time `now` [s]; one that was not sent yet is replaced."""
        if picture.camera in self.cameras:
            self._pictures[picture.camera] = (picture, now)
            self._wake()

    def take(self) -> tuple[str | None, list[Picture]]:
        """Return what is to be sent: the state, and pictures of cameras whose last one the page has drawn."""
        self.news.clear()
        state, self._state = self._state, None
        ready, now = [], time.monotonic()
        for camera in [name for name in list(self._pictures) if name not in self._on_way]:
            picture, since = self._pictures.pop(camera)
            if camera in self.cameras:
                self._on_way.add(camera)
                ready.append(Picture(camera, picture.age + now - since, picture.data))
        return state, ready

    def drawn(self, camera: str) -> None:
        """Take that the page has drawn a camera's picture, and so can have the next."""
        self._on_way.discard(camera)
        if camera in self._pictures:
            self.news.set()

    def show(self, is_looking: bool, cameras: frozenset[str]) -> None:
        """Take what the page shows now."""
        self.is_looking, self.cameras = is_looking, cameras
        self._on_way &= cameras

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self.news.set)
        except RuntimeError:
            return  # The server has ended.


class Viewers:
    """All pages, and the thread that looks for them. `close` ends it.

    Args:
        view: Looks at the graph.
        more: Returns what the console itself adds to each state.
        tell: Takes a line for the log.
    """

    def __init__(self, view: GraphView, more: Callable[[], dict[str, Any]], tell: Callable[[str], None]) -> None:
        self._view, self._more, self._tell = view, more, tell
        self._lock = threading.Lock()
        self._viewers: set[Viewer] = set()
        self._changed = threading.Event()
        self._is_ending = False
        self._numbers, self._noted = 0, ""
        self._thread = threading.Thread(target=self._run, name="console view", daemon=True)
        self._thread.start()

    def add(self, viewer: Viewer) -> None:
        """Take a page in."""
        with self._lock:
            self._viewers.add(viewer)
        self._changed.set()

    def remove(self, viewer: Viewer) -> None:
        """Let a page go."""
        with self._lock:
            self._viewers.discard(viewer)
        self._changed.set()

    def note_change(self) -> None:
        """Take that a page shows something else now."""
        self._changed.set()

    def close(self) -> None:
        """End the thread and let the graph go."""
        self._is_ending = True
        deadline = time.monotonic() + END_TIME
        while self._thread.is_alive() and time.monotonic() < deadline:
            self._changed.set()
            self._thread.join(0.02)

    def _looking(self) -> list[Viewer]:
        with self._lock:
            return [viewer for viewer in self._viewers if viewer.is_looking]

    def _run(self) -> None:
        looked = False
        while not self._is_ending:
            self._changed.clear()  # Before the look: a page that comes after it ends the wait.
            viewers = self._looking()
            if not viewers and looked:
                if not self._changed.wait(LINGER) and not self._looking():
                    self._view.rest()
                    looked = False
            elif not viewers:
                self._changed.wait()
            else:
                looked = True
                try:
                    self._serve()
                except Exception as error:  # noqa: BLE001
                    # Whatever a middleware raises: the pages say that nothing is heard, and the graph is looked at anew.
                    self._note(f"{type(error).__name__}: {error}")
                    self._view.rest()
                    time.sleep(STATE_PERIOD)
        self._view.rest()

    def _serve(self) -> None:
        """Look for the pages until none looks any more."""
        due = -math.inf
        while not self._is_ending and (viewers := self._looking()):
            now = time.monotonic()
            if now >= due:
                due = now + STATE_PERIOD
                text = self._state()
                for viewer in viewers:
                    viewer.give_state(text)
            cameras = frozenset().union(*(viewer.cameras for viewer in viewers))
            for picture in self._view.pictures(cameras):
                for viewer in viewers:
                    viewer.give_picture(picture, time.monotonic())
            rest = max(due - time.monotonic(), 0.0)
            self._changed.wait(min(rest, PICTURE_PERIOD) if cameras else rest)
            self._changed.clear()

    def _state(self) -> str:
        self._numbers += 1
        try:
            moment = self._view.look()
        except StrandsRobotsError as error:
            moment = {"problem": str(error)}
            self._note(str(error))
        return json.dumps(
            {"type": "state", "number": self._numbers, **moment, **self._more()}, default=str, allow_nan=False
        )

    def _note(self, problem: str) -> None:
        """Log why the graph cannot be looked at, once for each reason in a row."""
        if problem != self._noted:
            self._noted = problem
            self._tell(f"the graph cannot be looked at: {problem}")

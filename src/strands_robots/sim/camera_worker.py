"""Renders the cameras in a thread of its own, from copies of the state. ROS-free."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from strands_robots.errors import RenderError, ShapeError, StrandsRobotsError, UnknownNameError
from strands_robots.priority import normal_priority
from strands_robots.types import FloatArray

RGB, DEPTH = 0, 1
"""Kinds of picture, as in srv/RenderCamera."""

MAX_DELAY = 5.0
"""Longest time for which a picture is held back [s, ROS time]."""

CopyState = Callable[[], FloatArray]


class CameraModel(Protocol):
    """One camera of the world."""

    @property
    def name(self) -> str:
        """Name in the world."""

    @property
    def rate(self) -> float:
        """Pictures per simulated second [Hz]."""


class Renderer(Protocol):
    """Draws a state; belongs to the thread that made it."""

    def render(self, state: FloatArray, camera: str, kind: int, width: int = 0, height: int = 0) -> NDArray[Any]:
        """Return uint8 (H, W, 3), or float32 (H, W) [m] for depth. The array may be reused by the next call."""

    def close(self) -> None:
        """Free the graphics context."""


class CameraPort(Protocol):
    """Where one camera's pictures go. Called by the camera thread."""

    def wants_rgb(self) -> bool:
        """Return whether anybody looks."""

    def wants_depth(self) -> bool:
        """Return whether anybody looks at depth."""

    def publish_info(self, stamp: float) -> None:
        """Take the time [s, ROS time] of a frame."""

    def publish_rgb(self, stamp: float, pixels: NDArray[np.uint8]) -> None:
        """Take uint8 (H, W, 3)."""

    def publish_depth(self, stamp: float, pixels: NDArray[np.float32]) -> None:
        """Take float32 (H, W) [m]."""


@dataclass(eq=False)
class CameraFeed:
    """One camera on the graph.

    Attributes:
        camera: The camera.
        port: Where its pictures go.
        due: When its next frame is due [s, ROS time].
        delay: How much later a picture is published than it was taken [s, ROS time].
        disturb: Takes a picture (H, W, 3) and its time, and returns it with noise; None leaves it as it is.
    """

    camera: CameraModel
    port: CameraPort
    due: float = 0.0
    delay: float = 0.0
    disturb: Callable[[NDArray[np.uint8], float], NDArray[np.uint8]] | None = None


@dataclass(frozen=True)
class RenderRequest:
    """One picture on request.

    Attributes:
        state: State to draw.
        stamp: Its time [s, ROS time].
        camera, kind, width, height: As in srv/RenderCamera.
        finish: Turns the picture into the answer, in the camera thread.
        answer: Gets what `finish` returns, or the error.
    """

    state: FloatArray
    stamp: float
    camera: str
    kind: int
    width: int
    height: int
    finish: Callable[[NDArray[Any], float], Any]
    answer: Future[Any]


class CameraWorker:
    """The camera thread and its mailbox, which holds the newest state only: a slow renderer loses frames, not time.

    Args:
        make_renderer: Makes the renderer, called in the camera thread.
        feeds: Cameras with their ports.

    Attributes:
        next_due: When the next frame is due [s, ROS time]; infinite without cameras.
        frames: Pictures published.
        lost: Pictures whose state was replaced before they were drawn.
        failure: What ended the thread; None while it is well.
    """

    def __init__(self, make_renderer: Callable[[], Renderer], feeds: Sequence[CameraFeed]) -> None:
        self.next_due = 0.0 if feeds else float("inf")
        self.frames = 0
        self.lost = 0
        self.failure: BaseException | None = None
        self._make_renderer = make_renderer
        self._feeds = {feed.camera.name: feed for feed in feeds}
        self._lock = threading.Lock()
        self._mail: tuple[FloatArray, float, list[CameraFeed]] | None = None
        self._late: list[tuple[float, Callable[[], None]]] = []
        self._requests: queue.SimpleQueue[RenderRequest] = queue.SimpleQueue()
        self._wake = threading.Event()
        self._is_ending = False
        self._is_abandoned = False
        self._thread = threading.Thread(target=self._run, name="cameras", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def end(self) -> None:
        """Ask the thread to end; `stop` waits for it."""
        self._is_ending = True
        self._wake.set()

    def stop(self, timeout: float = 0.3) -> None:
        """End the thread; pending requests are answered with an error.

        A thread that does not end within `timeout` [s] is left to the end of the process, which frees the graphics
        itself.
        """
        self.end()
        if self._thread.ident is not None:
            self._thread.join(timeout)
            self._is_abandoned = self._thread.is_alive()

    def offer(self, stamp: float, copy_state: CopyState, every_camera: bool = False) -> None:
        """Hand a state over if a frame is due; called by the physics thread after a step.

        Args:
            stamp: Time of the state [s, ROS time].
            copy_state: Returns a copy of the state; called only when a frame is due.
            every_camera: Whether every camera is due, whatever its rate (lockstep: one frame for each request).
        """
        due = [feed for feed in self._feeds.values() if every_camera or stamp >= feed.due - 1e-9]
        if not due:
            return
        for feed in due:
            period = 1.0 / feed.camera.rate
            feed.due += period
            if not stamp - period < feed.due <= stamp + 1.5 * period:
                feed.due = stamp + period
        self.next_due = min(feed.due for feed in self._feeds.values())
        state = copy_state()
        with self._lock:
            waiting = self._mail[2] if self._mail is not None else []
            others = [feed for feed in waiting if feed not in due]
            self.lost += len(waiting) - len(others)
            self._mail = (state, stamp, due + others)
        self._wake.set()

    def set_feeds(self, feeds: Sequence[CameraFeed], stamp: float) -> None:
        """Serve these cameras from now on; called by the physics thread."""
        self._feeds = {feed.camera.name: feed for feed in feeds}
        self.restart(stamp)

    def forget(self) -> None:
        """Drop the state that waits: it is one of a world that was changed."""
        with self._lock:
            if self._mail is not None:
                self.lost += len(self._mail[2])
                self._mail = None

    def restart(self, stamp: float) -> None:
        """Make every camera due at `stamp` [s, ROS time], after a jump of time."""
        for feed in self._feeds.values():
            feed.due = stamp
        self.next_due = stamp if self._feeds else float("inf")

    def request(self, request: RenderRequest) -> None:
        """Queue a picture on request; its future is always answered."""
        if self._is_ending or self.failure is not None:
            request.answer.set_exception(RenderError("rendering has ended"))
        else:
            self._requests.put(request)
            self._wake.set()

    def _run(self) -> None:
        renderer: Renderer | None = None
        normal_priority()
        try:
            while not self._is_ending:
                self._wake.wait()
                self._wake.clear()
                renderer = self._work(renderer)
            self._stay_if_abandoned()
        finally:
            self.failure = sys.exc_info()[1]
            if renderer is not None:
                renderer.close()
            while not self._requests.empty():
                self._requests.get().answer.set_exception(RenderError("rendering has ended"))

    def _work(self, renderer: Renderer | None) -> Renderer | None:
        """Draw what is asked for; the renderer is made when the first picture is wanted."""
        with self._lock:
            mail, self._mail = self._mail, None
        if mail is not None:
            state, stamp, due = mail
            self._publish_late(stamp)
            for feed in due:
                self._stay_if_abandoned()
                if self._is_ending:
                    return renderer
                if feed.port.wants_rgb() or feed.port.wants_depth():
                    renderer = renderer or self._make_renderer()
                    self._stay_if_abandoned()
                    try:
                        self._publish(renderer, state, stamp, feed)
                    except (ShapeError, UnknownNameError):  # the world was changed after this state was copied
                        self.lost += 1
                feed.port.publish_info(stamp)
        while not self._requests.empty() and not self._is_ending:
            request = self._requests.get()
            try:
                renderer = renderer or self._make_renderer()
                pixels = renderer.render(request.state, request.camera, request.kind, request.width, request.height)
                request.answer.set_result(request.finish(pixels, request.stamp))
            except (StrandsRobotsError, OSError) as error:
                request.answer.set_exception(error)
        return renderer

    def _publish(self, renderer: Renderer, state: FloatArray, stamp: float, feed: CameraFeed) -> None:
        name = feed.camera.name
        if feed.port.wants_rgb():
            pixels = renderer.render(state, name, RGB)
            self._stay_if_abandoned()
            pixels = pixels if feed.disturb is None else feed.disturb(pixels, stamp)
            self._deliver(feed.port.publish_rgb, stamp, pixels, feed.delay)
        if feed.port.wants_depth():
            pixels = renderer.render(state, name, DEPTH)
            self._stay_if_abandoned()
            self._deliver(feed.port.publish_depth, stamp, pixels, feed.delay)

    def _deliver(
        self, publish: Callable[[float, NDArray[Any]], None], stamp: float, pixels: NDArray[Any], delay: float
    ) -> None:
        self.frames += 1
        if delay > 0.0:
            kept = pixels.copy()
            self._late.append((stamp + delay, lambda: publish(stamp, kept)))
        else:
            publish(stamp, pixels)

    def _publish_late(self, now: float) -> None:
        """Publish what was held back; what lies far ahead is of a time before a reset."""
        due = [publish for at, publish in self._late if at <= now + 1e-9]
        self._late = [(at, publish) for at, publish in self._late if now + 1e-9 < at <= now + MAX_DELAY]
        for publish in due:
            publish()

    def _stay_if_abandoned(self) -> None:
        """Never return when nobody waits for the thread any more: what it would touch next is already gone."""
        if self._is_abandoned:
            threading.Event().wait()

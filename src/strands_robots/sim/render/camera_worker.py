"""Renders the cameras in a thread of its own, from copies of the state. ROS-free."""

from __future__ import annotations

import math
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any

from numpy.typing import NDArray

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import RenderError, ShapeError, UnknownNameError
from strands_robots.core.futures import resolve
from strands_robots.core.priority import normal_priority
from strands_robots.sim.render.camera_feed import CameraFeed, CameraPort, CameraTally, Renderer

RGB, DEPTH, SEGMENTATION = 0, 1, 2
"""Kinds of picture, as in srv/RenderCamera."""

DRAW_TIMEOUT = 10.0
"""How long a world in lockstep waits for its pictures [s, steady time]."""

LOOK_PERIOD = 0.1
"""A camera without a subscriber is looked at this often [s, ROS time]: with the first one, frames come at the camera's rate."""

MAX_DELAY = 5.0
"""Longest time for which a picture is held back [s, ROS time]."""

CopyState = Callable[[], FloatArray]


class Renderers:
    """The camera thread's renderers, each made when it is first wanted.

    Args:
        make: Makes a renderer; True for one that draws fine pictures.
    """

    def __init__(self, make: Callable[[bool], Any]) -> None:
        self._make = make
        self._made: dict[bool, Any] = {}

    def get(self, is_fine: bool = False) -> Any:
        """Return the quick renderer, or the one that draws shadows and smooth edges."""
        if is_fine not in self._made:
            self._made[is_fine] = self._make(is_fine)
        return self._made[is_fine]

    def close(self) -> None:
        """Free the graphics contexts."""
        for renderer in self._made.values():
            renderer.close()
        self._made.clear()


@dataclass(frozen=True)
class RenderRequest:
    """Pictures on request.

    Attributes:
        draw: Draws them and makes the answer, in the camera thread.
        answer: Gets what `draw` returns, or the error.
    """

    draw: Callable[[Renderers], Any]
    answer: Future[Any]


@dataclass(frozen=True)
class _Mail:
    state: FloatArray
    stamp: float
    due: list[CameraFeed]
    stage: Any


class CameraWorker:
    """The camera thread and its mailbox, which holds the newest state only: a slow renderer loses frames, not time.

    Args:
        make_renderer: Makes a renderer, called in the camera thread; True asks for one that draws fine pictures.
        feeds: Cameras with their ports.
        read_stage: Returns what the state that is offered belongs to.

    Attributes:
        next_due: When the next frame is due [s, ROS time]; infinite without cameras.
        frames: Pictures published.
        lost: Pictures whose state was replaced before they were drawn.
        tallies: The same for each camera, by name.
        failure: What ended the thread; None while it is well.
    """

    def __init__(
        self,
        make_renderer: Callable[[bool], Renderer],
        feeds: Sequence[CameraFeed],
        read_stage: Callable[[], Any] = lambda: None,
    ) -> None:
        self.next_due = 0.0 if feeds else float("inf")
        self.frames = 0
        self.lost = 0
        self.failure: BaseException | None = None
        self.tallies: dict[str, CameraTally] = {}
        self._renderers = Renderers(make_renderer)
        self._read_stage = read_stage
        self._feeds: dict[str, CameraFeed] = {}
        self._lock = threading.Lock()
        self._mail: _Mail | None = None
        self._late: list[tuple[float, CameraPort, Callable[[], None]]] = []
        self._requests: queue.SimpleQueue[RenderRequest] = queue.SimpleQueue()
        self._retired: queue.SimpleQueue[tuple[CameraPort, Callable[[], None]]] = queue.SimpleQueue()
        self._wake = threading.Event()
        self._is_ending = False
        self._is_abandoned = False
        self._thread = threading.Thread(target=self._run, name="cameras", daemon=True)
        self._take(feeds)

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

    def offer(
        self, stamp: float, copy_state: CopyState, every_camera: bool = False, control_period: float = 0.0
    ) -> None:
        """Hand a state over if a frame is due; called by the physics thread after a step.

        Args:
            stamp: Time of the state [s, ROS time].
            copy_state: Returns a copy of the state; called only when a frame is due.
            every_camera: Whether every camera is due, whatever its rate.
            control_period: Of a world in lockstep, whose frames are whole periods apart, not less than the rate says [s]; 0 elsewhere.
        """
        due = [feed for feed in self._feeds.values() if every_camera or feed.is_due(stamp, control_period)]
        if not control_period and not every_camera:
            due = [feed for feed in due if self._is_read(feed, stamp)]
        for feed in due:
            period = 1.0 / feed.camera.rate
            feed.taken = stamp
            feed.due += period
            if not stamp - period < feed.due <= stamp + 1.5 * period:
                feed.due = stamp + period
        self.next_due = min((feed.due for feed in self._feeds.values()), default=math.inf)
        if not due:
            return
        state, stage = copy_state(), self._read_stage()
        with self._lock:
            waiting = self._mail.due if self._mail is not None else []
            others = [feed for feed in waiting if feed not in due]
            self._lose([feed for feed in waiting if feed in due])
            self._mail = _Mail(state, stamp, due + others, stage)
        self._wake.set()

    def _is_read(self, feed: CameraFeed, stamp: float) -> bool:
        """Return whether a frame has a subscriber; else it is left out, and the camera looked at again later."""
        if feed.port.has_subscriber():
            return True
        feed.due = stamp + max(LOOK_PERIOD, 1.0 / feed.camera.rate)
        tally = self.tallies.get(feed.camera.name)
        if tally is not None:
            tally.is_watched = False
        return False

    def set_feeds(self, feeds: Sequence[CameraFeed], stamp: float) -> None:
        """Serve these cameras from now on; called by the physics thread."""
        self.forget()
        self._take(feeds)
        self.restart(stamp)

    def retire(self, port: CameraPort, done: Callable[[], None]) -> None:
        """Say when a camera's port is not used any more; its feed was taken away before.

        Args:
            port: The port.
            done: Called in the camera thread.
        """
        self._retired.put((port, done))
        self._wake.set()

    def forget(self) -> None:
        """Drop the state that waits: it is one of a world that was changed."""
        with self._lock:
            if self._mail is not None:
                self._lose(self._mail.due)
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

    def drawn(self) -> Future[None]:
        """Return what is done once everything that was offered is drawn and published."""
        done: Future[None] = Future()
        if self._feeds and self._thread.is_alive():
            self.request(RenderRequest(lambda renderers: None, done))
        else:
            done.set_result(None)
        return done

    def _take(self, feeds: Sequence[CameraFeed]) -> None:
        self._feeds = {feed.camera.name: feed for feed in feeds}
        self.tallies = {
            name: self.tallies.get(name) or CameraTally(feed.camera.rate) for name, feed in self._feeds.items()
        }
        for name, feed in self._feeds.items():
            self.tallies[name].wanted_rate = feed.camera.rate

    def _lose(self, feeds: Sequence[CameraFeed]) -> None:
        self.lost += len(feeds)
        for feed in feeds:
            tally = self.tallies.get(feed.camera.name)
            if tally is not None:
                tally.lost += 1

    def _run(self) -> None:
        normal_priority()
        try:
            while not self._is_ending:
                self._wake.wait()
                self._wake.clear()
                self._work()
            self._stay_if_abandoned()
        finally:
            self.failure = sys.exc_info()[1]
            self._renderers.close()
            while not self._requests.empty():
                self._requests.get().answer.set_exception(RenderError("rendering has ended"))

    def _work(self) -> None:
        """Draw what is asked for."""
        self._let_go()
        with self._lock:
            mail, self._mail = self._mail, None
        if mail is not None:
            self._publish_late(mail.stamp)
            for feed in mail.due:
                self._stay_if_abandoned()
                if self._is_ending:
                    return
                self._serve(mail, feed)
        while not self._requests.empty() and not self._is_ending:
            request = self._requests.get()
            resolve(request.answer, partial(request.draw, self._renderers))

    def _let_go(self) -> None:
        """Forget the ports that are not used any more."""
        while not self._retired.empty():
            port, done = self._retired.get()
            self._late = [late for late in self._late if late[1] is not port]
            done()

    def _serve(self, mail: _Mail, feed: CameraFeed) -> None:
        tally = self.tallies.get(feed.camera.name) or CameraTally(feed.camera.rate)
        tally.is_watched = feed.port.wants_rgb() or feed.port.wants_depth()
        if tally.is_watched:
            start = time.monotonic()
            try:
                self._publish(mail, feed)
                tally.drawn += 1
            except (ShapeError, UnknownNameError):  # the world was changed after this state was copied
                self._lose([feed])
            tally.seconds += time.monotonic() - start
        feed.port.publish_info(mail.stamp)

    def _publish(self, mail: _Mail, feed: CameraFeed) -> None:
        name, port, stamp = feed.camera.name, feed.port, mail.stamp
        renderer = self._renderers.get()
        self._stay_if_abandoned()
        if port.wants_rgb():
            pixels = renderer.render(mail.state, name, RGB, stage=mail.stage)
            self._stay_if_abandoned()
            pixels = pixels if feed.disturb is None else feed.disturb(pixels, stamp)
            self._deliver(feed, port.publish_rgb, stamp, pixels)
        if port.wants_depth():
            pixels = renderer.render(mail.state, name, DEPTH, stage=mail.stage)
            self._stay_if_abandoned()
            self._deliver(feed, port.publish_depth, stamp, pixels)

    def _deliver(
        self, feed: CameraFeed, publish: Callable[[float, NDArray[Any]], None], stamp: float, pixels: NDArray[Any]
    ) -> None:
        self.frames += 1
        if feed.delay > 0.0:
            kept = pixels.copy()
            self._late.append((stamp + feed.delay, feed.port, lambda: publish(stamp, kept)))
        else:
            publish(stamp, pixels)

    def _publish_late(self, now: float) -> None:
        """Publish what was held back; what lies far ahead is of a time before a reset."""
        due = [publish for at, _, publish in self._late if at <= now + 1e-9]
        self._late = [late for late in self._late if now + 1e-9 < late[0] <= now + MAX_DELAY]
        for publish in due:
            publish()

    def _stay_if_abandoned(self) -> None:
        """Never return once the thread is abandoned: what it would touch next is already gone."""
        if self._is_abandoned:
            threading.Event().wait()

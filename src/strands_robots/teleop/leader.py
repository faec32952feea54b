"""What every leader is, and the thread that reads one. No ROS."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from strands_robots.core.errors import StrandsRobotsError
from strands_robots.teleop.frame import BadFrameError, BadInput, InputFrame

CONNECT_AGAIN = 1.0
"""Wait before a leader that could not be reached is tried again [s]."""

MOST_FAILURES = 20
"""After so many reads in a row that failed, the leader is connected anew."""


class LeaderError(StrandsRobotsError):
    """A leader cannot be reached, or is not calibrated; says what to do."""


class Leader(Protocol):
    """A device whose readings move the robot. Belongs to the thread that reads it.

    Attributes:
        name: Its kind, for people.
        has_dead_man: It has a switch that must be held; others are engaged by a person's word.
    """

    name: str
    has_dead_man: bool

    def connect(self) -> None:
        """Reach the device.

        Raises:
            LeaderError: If that fails.
        """

    def read(self) -> InputFrame | None:
        """Return what it says now, or None when it said nothing new.

        Raises:
            LeaderError: If it cannot be read.
            BadFrameError: If what it says makes no frame.
        """

    def close(self) -> None:
        """Let the device go; also one that was never connected."""


class FrameListener(Protocol):
    """Who is told."""

    def on_frame(self, frame: InputFrame) -> None:
        """Take a frame, not checked yet."""

    def on_bad(self, reason: BadInput, message: str) -> None:
        """Take that a frame could not be made."""


class LeaderThread:
    """Reads a leader in a thread of its own, so that its waits hold up no other thread.

    Args:
        leader: The leader.
        listener: Who is told.
        period: Time between two reads [s].
        tell: Takes a line for the log.
    """

    def __init__(self, leader: Leader, listener: FrameListener, period: float, tell: Callable[[str], None]) -> None:
        self._leader = leader
        self._listener = listener
        self._period = period
        self._tell = tell
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"leader {leader.name}", daemon=True)

    @property
    def is_alive(self) -> bool:
        """True while the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self, timeout: float = 1.0) -> None:
        """End the thread and let the leader go."""
        self._ending.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        said = ""
        try:
            while not self._ending.is_set():
                try:
                    self._leader.connect()
                    self._tell(f"leader {self._leader.name} is connected")
                    said = ""
                    self._read()
                except LeaderError as error:
                    self._listener.on_bad(BadInput.UNREADABLE, str(error))
                    if str(error) != said:
                        said = str(error)
                        self._tell(f"leader {self._leader.name}: {said}")
                self._leader.close()
                self._ending.wait(CONNECT_AGAIN)
        finally:
            self._leader.close()

    def _read(self) -> None:
        """Read until the end, or until the leader is gone."""
        failures = 0
        due = time.monotonic()
        while not self._ending.is_set():
            try:
                frame = self._leader.read()
                failures = 0
                if frame is not None:
                    self._listener.on_frame(frame)
            except BadFrameError as error:
                self._listener.on_bad(error.reason, str(error))
            except LeaderError as error:
                failures += 1
                self._listener.on_bad(BadInput.UNREADABLE, str(error))
                if failures >= MOST_FAILURES:
                    raise
            due = max(due + self._period, time.monotonic())
            self._ending.wait(due - time.monotonic())

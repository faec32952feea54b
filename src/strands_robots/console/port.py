"""What the console asks of the graph. nodes/console/ has the real one; tests have their own. No ROS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from strands_robots.console.orders import Order


@dataclass(frozen=True)
class Picture:
    """One picture of a camera.

    Attributes:
        camera: Its name, "<robot>/<camera>" or "<camera>".
        age: How long ago it was taken [s].
        data: JPEG.
    """

    camera: str
    age: float
    data: bytes


@dataclass(frozen=True)
class Answer:
    """What became of an order: `message` in words; `details` for the page."""

    is_done: bool
    message: str
    details: Mapping[str, Any] | None = None


class GraphView(Protocol):
    """Looks at the graph. One thread calls it, and only while a page is open."""

    def look(self) -> dict[str, Any]:
        """Return the moment: safety, robots, cameras, refusals, log. The pages' own names, see pages/live.js."""
        ...

    def pictures(self, cameras: frozenset[str]) -> list[Picture]:
        """Return the newest picture of each of these cameras that came since the last call; the others are let go."""
        ...

    def rest(self) -> None:
        """Let go of everything: no page is open any more."""
        ...


class Orders(Protocol):
    """Does what a page asks for, as the command line does. Called by any thread; may take seconds."""

    def make(self, order: Order, session: str) -> Answer:
        """Do it and say what became of it; raises StrandsRobotsError in words."""
        ...


class Driving(Protocol):
    """Moves a robot by hand; called by the threads of the servers, and never waits."""

    def take(self, robot: str, tab: str) -> str:
        """Give a tab the seat of a robot; returns why not, or nothing."""
        ...

    def hold(self, tab: str, press: str, motion: Mapping[str, Any]) -> None:
        """Take one beat of a button that is held."""
        ...

    def release(self, tab: str) -> None:
        """Take that no button is held any more."""
        ...

    def leave(self, tab: str) -> None:
        """Take a tab's seat away: it left, or was closed."""
        ...

"""How large the bodies of one pick are, looked up once before it begins. No I/O but through the callables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from strands_robots.core.body_box import BodyBox
from strands_robots.core.pose import Pose


class KnownBoxes:
    """Answers where the box around a body is now, from its size then and its place now.

    Args:
        boxes: Returns how large a body is, and where.
        bodies: Returns where a body is in the robot's base frame.
        names: The bodies.

    Raises:
        StrandsRobotsError: If one is not there.
    """

    def __init__(self, boxes: Callable[[str], BodyBox], bodies: Callable[[str], Pose], names: Iterable[str]) -> None:
        self._bodies = bodies
        self._known = {name: (boxes(name), bodies(name)) for name in names}

    def __call__(self, name: str) -> BodyBox:
        """Return the box; a body that was turned meanwhile has it as before."""
        box, then = self._known[name]
        return replace(box, centre=box.centre + self._bodies(name).position - then.position)

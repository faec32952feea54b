"""A planning scene that knows which of its shapes are one object. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from strands_robots.core.errors import UnknownNameError
from strands_robots.planning.planning_scene import PlanningScene


@dataclass(frozen=True, eq=False)
class PickScene:
    """Everything around a robot.

    Attributes:
        scene: The shapes, in the robot's base frame.
        objects: For each object the names of its shapes.
    """

    scene: PlanningScene
    objects: Mapping[str, tuple[str, ...]]

    def shapes_of(self, name: str) -> tuple[str, ...]:
        """Return the names of an object's shapes.

        Raises:
            UnknownNameError: If there is no such object; the message lists those that are.
        """
        if name not in self.objects:
            raise UnknownNameError("object", name, self.objects)
        return self.objects[name]

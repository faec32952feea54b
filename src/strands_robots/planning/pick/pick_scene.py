"""A planning scene that knows which of its shapes are one object. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from strands_robots.core.errors import UnknownNameError
from strands_robots.planning.planning_scene import DEFAULT_CLEARANCE, PlanningScene
from strands_robots.planning.surroundings import Surroundings


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


def pick_scene_of(surroundings: Surroundings, clearance: float = DEFAULT_CLEARANCE) -> PickScene:
    """Return the scene of a pick among what a running graph knows of.

    Args:
        surroundings: Shapes around the robot, in its base frame.
        clearance: Distance to keep [m].

    Raises:
        ConfigurationError: If the scene is not valid.
    """
    scene = PlanningScene(surroundings.shapes, surroundings.attached, surroundings.allowed, clearance)
    single = {shape.name: (shape.name,) for shape in surroundings.shapes}
    owned = {name for names in surroundings.objects.values() for name in names}
    alone = {name: names for name, names in single.items() if name not in owned}
    return PickScene(scene, {**alone, **surroundings.objects})

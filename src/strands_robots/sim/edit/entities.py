"""What a world holds as entities: its robots and its objects."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import UnknownNameError
from strands_robots.sim.query.describe import object_names
from strands_robots.sim.world.inspection import Still
from strands_robots.sim.world.model_names import BODY, name_of
from strands_robots.sim.world.world import World


class EntityKind(enum.Enum):
    """What an entity is."""

    ROBOT = "robot"
    MOVING = "moving"
    FIXED = "fixed"


@dataclass(frozen=True)
class Entity:
    """One robot or object.

    Attributes:
        name: Its name.
        kind: What it is.
        body: Name of the body whose pose is its own.
    """

    name: str
    kind: EntityKind
    body: str


def entities(world: World, still: Still) -> list[Entity]:
    """Return the robots, then the objects, of the instant that a still shows."""
    model = still.model
    outermost = [name_of(model, BODY, i) for i in range(1, model.nbody) if model.body_parentid[i] == 0]
    found = [
        Entity(robot, EntityKind.ROBOT, body)
        for robot in world.robots
        for body in [next((name for name in outermost if name.startswith(f"{robot}/")), "")]
        if body
    ]
    for name in object_names(world):
        if name in outermost:
            parts = model.body_rootid == model.body(name).id
            kind = EntityKind.MOVING if model.body_dofnum[parts].any() else EntityKind.FIXED
            found.append(Entity(name, kind, name))
    return found


def entity(world: World, still: Still, name: str) -> Entity:
    """Return one entity.

    Raises:
        UnknownNameError: If there is none of that name.
    """
    found = {each.name: each for each in entities(world, still)}
    if name not in found:
        raise UnknownNameError("entity", name, found)
    return found[name]


def overlaps_sphere(still: Still, entity: Entity, centre: FloatArray, radius: float) -> bool:
    """Return whether a shape of an entity may touch a sphere; shapes count as the spheres around them.

    Args:
        still: The instant.
        entity: The entity.
        centre: Centre (3,) in the world [m].
        radius: Radius [m].
    """
    model, data = still.model, still.data
    root = int(model.body(entity.body).id)
    geoms = np.flatnonzero(model.body_rootid[model.geom_bodyid] == model.body_rootid[root])
    distances = np.linalg.norm(data.geom_xpos[geoms] - centre, axis=1) - model.geom_rbound[geoms]
    return bool((distances <= radius).any())

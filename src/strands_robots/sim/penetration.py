"""Shapes of a robot that are inside of something, as a model does that was made to stand higher than where it was put."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import mujoco

if TYPE_CHECKING:
    from strands_robots.sim.world.world import World

LEAST_DEPTH = 0.005
"""Contacts are soft: shapes that press on each other are inside of each other by less than this [m]."""


@dataclass(frozen=True)
class Penetration:
    """A shape of a robot inside of another one.

    Attributes:
        robot: The robot.
        shape, other: The shapes, by name, or by their body and kind.
        depth: How deep [m].
    """

    robot: str
    shape: str
    other: str
    depth: float

    def __str__(self) -> str:
        return f"{self.shape} is {self.depth:.3g} m inside of {self.other}"


def penetrations(world: World) -> list[Penetration]:
    """Return what of a world's robots is inside of something now, the deepest first, one entry for two shapes."""
    with world.lock:
        return _penetrations(world.model, world.data, tuple(world.robots))


def _penetrations(model: mujoco.MjModel, data: mujoco.MjData, names: tuple[str, ...]) -> list[Penetration]:
    deepest: dict[tuple[int, int], float] = {}
    for number in range(data.ncon):
        contact = data.contact[number]
        depth, pair = -float(contact.dist), (int(contact.geom[0]), int(contact.geom[1]))
        if depth > LEAST_DEPTH and min(pair) >= 0:
            deepest[pair] = max(depth, deepest.get(pair, 0.0))
    found = []
    for (first, second), depth in deepest.items():
        owners = _owner(model, first, names), _owner(model, second, names)
        if not any(owners):
            continue
        shape, other = (first, second) if owners[0] else (second, first)
        found.append(Penetration(owners[0] or owners[1], _words(model, shape), _words(model, other), depth))
    return sorted(found, key=lambda each: -each.depth)


def _owner(model: mujoco.MjModel, geom: int, robots: tuple[str, ...]) -> str:
    body = int(model.geom_bodyid[geom])
    while body and "/" not in model.body(body).name:
        body = int(model.body_parentid[body])
    owner = model.body(body).name.partition("/")[0]
    return owner if owner in robots else ""


def _words(model: mujoco.MjModel, geom: int) -> str:
    name = model.geom(geom).name
    if name:
        return f"'{name}'"
    kind = mujoco.mjtGeom(int(model.geom_type[geom])).name.removeprefix("mjGEOM_").lower()
    return f"a {kind} of '{model.body(int(model.geom_bodyid[geom])).name}'"

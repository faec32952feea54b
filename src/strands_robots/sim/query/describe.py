"""What a world holds, in words and by names."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco

from strands_robots.core.text import printable
from strands_robots.sim.randomize.varied_model import effective_colour
from strands_robots.sim.scene.scene import FLOOR
from strands_robots.sim.world.model_names import BODY, GEOM, JOINT, SENSOR, SITE, names_of
from strands_robots.sim.world.world import World

MOST_SHAPES = 3
"""Shapes of an object that are described."""

_Geom = mujoco.mjtGeom
KINDS = {
    int(_Geom.mjGEOM_PLANE): "plane",
    int(_Geom.mjGEOM_HFIELD): "terrain",
    int(_Geom.mjGEOM_SPHERE): "sphere",
    int(_Geom.mjGEOM_CAPSULE): "capsule",
    int(_Geom.mjGEOM_ELLIPSOID): "ellipsoid",
    int(_Geom.mjGEOM_CYLINDER): "cylinder",
    int(_Geom.mjGEOM_BOX): "box",
    int(_Geom.mjGEOM_MESH): "mesh",
}
"""Words for kinds of shape."""


@dataclass(frozen=True)
class Description:
    """Names of all that has one.

    Attributes:
        robots, objects, cameras: What a user put into the world.
        bodies, geoms, joints, sites, sensors: Names of the model's parts.
        keyframes: Poses that `World.reset` can go to.
        text: The same in words, one thing a line, ASCII.
    """

    robots: list[str]
    objects: list[str]
    cameras: list[str]
    bodies: list[str]
    geoms: list[str]
    joints: list[str]
    sites: list[str]
    sensors: list[str]
    keyframes: list[str]
    text: str


def describe_world(world: World) -> Description:
    """Return what the world holds."""
    with world.lock:
        model = world.model
        parts = [
            [name for name in names_of(model, part) if name[0] != "#"] for part in (BODY, GEOM, JOINT, SITE, SENSOR)
        ]
        bodies, geoms, joints, sites, sensors = parts
        objects = object_names(world)
        lines = [f"time {world.time:.3f} s, timestep {world.timestep:g} s, seed {world.seed}"]
        lines += [f"robot {robot.name}: joints {', '.join(robot.joint_names)}" for robot in world.robots.values()]
        for name in objects:
            body = model.body(name)
            x, y, z = world.data.body(name).xpos
            kind = (
                "free" if model.body_dofnum[body.id] == 6 else "fixed" if not model.body_dofnum[body.id] else "jointed"
            )
            lines.append(
                f"object {name}: {kind}, {float(body.subtreemass[0]):.4g} kg, at ({x:.3f}, {y:.3f}, {z:.3f}) m"
                f"{_made_of(model, body.id)}"
            )
        lines += [_ground(world)]
        lines += [
            f"camera {camera.name}: {camera.width} x {camera.height} at {camera.rate:g} Hz, on {camera.parent_frame}"
            for camera in world.cameras.values()
        ]
        lines += [
            f"varies: {each.quantity} {each.low:g} to {each.high:g} of {', '.join(each.names) or 'all'}"
            for each in world.config.variations
        ]
        lines += [f"drawn: {each}" for each in world.drawn]
        return Description(
            list(world.robots), objects, list(world.cameras), bodies, geoms, joints, sites, sensors, world.keyframes,
            printable("\n".join(lines)).replace("\\n", "\n"),
        )  # fmt: skip


def _ground(world: World) -> str:
    x, y, z = world.model.opt.gravity
    floor = [i for i in range(world.model.ngeom) if world.model.geom(i).name == FLOOR]
    kind = KINDS.get(int(world.model.geom_type[floor[0]]), "shape") if floor else "none"
    return f"ground: {kind}; gravity ({x:g}, {y:g}, {z:g}) m/s^2"


def _made_of(model: mujoco.MjModel, body: int) -> str:
    """Return the first shapes of a body in words: kind, full size, colour."""
    first, count = int(model.body_geomadr[body]), int(model.body_geomnum[body])
    words = []
    for geom in range(first, first + min(count, MOST_SHAPES)):
        size = 2000.0 * model.geom_aabb[geom][3:]
        red, green, blue = effective_colour(model, geom)[:3].tolist()
        kind = KINDS.get(int(model.geom_type[geom]), "shape")
        words.append(
            f"{kind} {size[0]:.3g} x {size[1]:.3g} x {size[2]:.3g} mm, rgb ({red:.2g}, {green:.2g}, {blue:.2g})"
        )
    more = [f"{count - MOST_SHAPES} more"] if count > MOST_SHAPES else []
    return "".join(f"; {each}" for each in words + more)


def object_names(world: World) -> list[str]:
    """Return the names of the outermost bodies that belong to no robot."""
    model, robots = world.model, set(world.robots)
    outermost = [model.body(i).name for i in range(1, model.nbody) if model.body_parentid[i] == 0]
    return [name for name in outermost if name and name.partition("/")[0] not in robots]

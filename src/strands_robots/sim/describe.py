"""What a world holds, in words and by names."""

from __future__ import annotations

from dataclasses import dataclass

from strands_robots.sim.lookup import BODY, GEOM, JOINT, SENSOR, SITE, names_of
from strands_robots.sim.world import World


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
        parts = [[name for name in names_of(model, part) if name[0] != "#"] for part in (BODY, GEOM, JOINT, SITE, SENSOR)]
        bodies, geoms, joints, sites, sensors = parts
        objects = object_names(world)
        lines = [f"time {world.time:.3f} s, timestep {world.timestep:g} s, seed {world.seed}"]
        lines += [f"robot {robot.name}: joints {', '.join(robot.joint_names)}" for robot in world.robots.values()]
        for name in objects:
            body = model.body(name)
            x, y, z = world.data.body(name).xpos
            kind = "free" if model.body_dofnum[body.id] == 6 else "fixed" if not model.body_dofnum[body.id] else "jointed"
            lines.append(f"object {name}: {kind}, {float(body.subtreemass[0]):.4g} kg, at ({x:.3f}, {y:.3f}, {z:.3f}) m")
        lines += [
            f"camera {camera.name}: {camera.width} x {camera.height} at {camera.rate:g} Hz, on {camera.parent_frame}"
            for camera in world.cameras.values()
        ]
        return Description(
            list(world.robots), objects, list(world.cameras), bodies, geoms, joints, sites, sensors, world.keyframes,
            ascii("\n".join(lines))[1:-1].replace("\\n", "\n"),
        )  # fmt: skip


def object_names(world: World) -> list[str]:
    """Return the names of the outermost bodies that belong to no robot."""
    model, robots = world.model, set(world.robots)
    outermost = [model.body(i).name for i in range(1, model.nbody) if model.body_parentid[i] == 0]
    return [name for name in outermost if name and name.partition("/")[0] not in robots]

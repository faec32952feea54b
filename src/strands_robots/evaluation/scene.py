"""From a task to a world: the surroundings as MJCF, and where things lie in one episode. Needs MuJoCo; no ROS."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence

import numpy as np

from strands_robots.core.errors import UnknownNameError
from strands_robots.description.robot_config import load_robot
from strands_robots.description.robot_spec import RobotSpec
from strands_robots.evaluation.task import ObjectConfig, PartConfig, TaskConfig
from strands_robots.sim.edit.placement import EntityPlacement, JointPlacement, place
from strands_robots.sim.world.model_names import BODY, names_of
from strands_robots.sim.world.world import World
from strands_robots.sim.world.world_config import WorldConfig

STREAM = "task"
"""Name of the world's random stream that decides where things lie."""


def make_world(task: TaskConfig) -> World:
    """Return the world of a task, its robot at the origin.

    Raises:
        UnknownNameError: If a condition names a body that the world does not have.
    """
    config = load_robot(task.robot)
    spec = RobotSpec(config.name, config)
    world = World(WorldConfig((spec,), timestep=task.timestep, scene_xml=scene_xml(task.objects), overhead=None))
    bodies = names_of(world.model, BODY)
    for name in sorted(task.bodies_named):
        if name not in bodies and f"{config.name}/{name}" not in bodies:
            raise UnknownNameError("body of a condition", name, bodies)
    return world


def scene_xml(objects: dict[str, ObjectConfig]) -> str:
    """Return a floor, lights and the objects as MJCF."""
    root = ElementTree.Element("mujoco")
    body = ElementTree.SubElement(root, "worldbody")
    ElementTree.SubElement(body, "light", pos="0.3 0.3 1.5", dir="-0.1 -0.1 -1")
    ElementTree.SubElement(body, "geom", name="floor", type="plane", size="2 2 0.1", rgba="0.55 0.57 0.6 1")
    ElementTree.SubElement(body, "camera", name="watch", pos="0.65 -0.45 0.45", xyaxes="0.65 0.76 0 -0.38 0.33 0.86")
    for name, thing in objects.items():
        middle = " ".join(str(_middle(span)) for span in (thing.x, thing.y, thing.z))
        turn = f"0 0 {_middle(thing.yaw)}"
        part = ElementTree.SubElement(body, "body", name=name, pos=middle, euler=turn)
        if thing.is_free:
            ElementTree.SubElement(part, "freejoint", name=name)
        if thing.slide is not None:
            slide = thing.slide
            ElementTree.SubElement(
                part, "joint", name=name, type="slide", axis=_text(slide.axis), range=_text(slide.range), limited="true",
                frictionloss=str(slide.friction), damping=str(slide.damping),
            )  # fmt: skip
        _add_shape(part, name, thing, thing.friction)
        for number, extra in enumerate(thing.parts):
            _add_shape(part, f"{name}_{number}", extra, thing.friction).set("pos", _text(extra.at))
    ElementTree.SubElement(root, "compiler", angle="radian")
    return ElementTree.tostring(root, encoding="unicode")


def _add_shape(
    body: ElementTree.Element, name: str, thing: ObjectConfig | PartConfig, friction: float
) -> ElementTree.Element:
    return ElementTree.SubElement(
        body, "geom", name=name, type=thing.shape, size=_text(thing.size), mass=str(thing.mass),
        rgba=_text((*thing.color, 1)), friction=f"{friction} 0.01 0.001", condim="4",
    )  # fmt: skip


def begin_episode(world: World, task: TaskConfig, seed: int) -> None:
    """Reset a world and put everything where the seed says."""
    world.reset(seed)
    random = world.random_stream(STREAM)
    entities = []
    slides: dict[str, float] = {}
    for name, thing in task.objects.items():
        x, y, z, yaw = (_draw(span, random) for span in (thing.x, thing.y, thing.z, thing.yaw))
        if thing.is_free:
            entities.append(EntityPlacement(name, (x, y, z), (0.0, 0.0, math.sin(yaw / 2.0), math.cos(yaw / 2.0))))
        if thing.slide is not None:
            slides[name] = _draw(thing.slide.start, random)
    (robot,) = world.robots.values()
    noise = random.uniform(-task.joint_noise, task.joint_noise, len(robot.joint_names))
    start = np.clip(robot.home + noise, robot.limits.lower, robot.limits.upper)
    own = (
        dict(zip((robot.prefix + name for name in robot.joint_names), start.tolist())) if task.joint_noise > 0.0 else {}
    )
    placed = {**own, **slides}
    place(world, entities, JointPlacement(list(placed), list(placed.values())) if placed else None)
    if task.settle > 0.0:
        world.step(max(round(task.settle / task.timestep), 1))
    for robot in world.robots.values():
        robot.read()


def _text(values: Sequence[float]) -> str:
    return " ".join(map(str, values))


def _middle(span: float | tuple[float, float]) -> float:
    return 0.5 * (span[0] + span[1]) if isinstance(span, tuple) else span


def _draw(span: float | tuple[float, float], random: np.random.Generator) -> float:
    return float(random.uniform(*span)) if isinstance(span, tuple) else span

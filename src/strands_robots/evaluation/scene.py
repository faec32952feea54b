"""From a task to a world: the surroundings as MJCF, and where things lie in one episode. Needs MuJoCo; no ROS."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree

import numpy as np

from strands_robots.core.errors import UnknownNameError
from strands_robots.description.robot_config import load_robot
from strands_robots.description.robot_spec import RobotSpec
from strands_robots.evaluation.task import ObjectConfig, TaskConfig
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
        ElementTree.SubElement(
            part, "geom", name=name, type=thing.shape, size=" ".join(map(str, thing.size)), mass=str(thing.mass),
            rgba=" ".join(map(str, (*thing.color, 1))), friction=f"{thing.friction} 0.01 0.001", condim="4",
        )  # fmt: skip
    ElementTree.SubElement(root, "compiler", angle="radian")
    return ElementTree.tostring(root, encoding="unicode")


def begin_episode(world: World, task: TaskConfig, seed: int) -> None:
    """Reset a world and put everything where the seed says."""
    world.reset(seed)
    random = world.random_stream(STREAM)
    entities = []
    for name, thing in task.objects.items():
        x, y, z, yaw = (_draw(span, random) for span in (thing.x, thing.y, thing.z, thing.yaw))
        if thing.is_free:
            entities.append(EntityPlacement(name, (x, y, z), (0.0, 0.0, math.sin(yaw / 2.0), math.cos(yaw / 2.0))))
    (robot,) = world.robots.values()
    noise = random.uniform(-task.joint_noise, task.joint_noise, len(robot.joint_names))
    start = np.clip(robot.home + noise, robot.limits.lower, robot.limits.upper)
    joints = JointPlacement([robot.prefix + name for name in robot.joint_names], start.tolist())
    place(world, entities, joints if task.joint_noise > 0.0 else None)
    if task.settle > 0.0:
        world.step(max(round(task.settle / task.timestep), 1))
    for robot in world.robots.values():
        robot.read()


def _middle(span: float | tuple[float, float]) -> float:
    return 0.5 * (span[0] + span[1]) if isinstance(span, tuple) else span


def _draw(span: float | tuple[float, float], random: np.random.Generator) -> float:
    return float(random.uniform(*span)) if isinstance(span, tuple) else span

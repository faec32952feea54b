"""Scene edits from messages. Zeros stand for defaults where the interface says so."""

from __future__ import annotations

import math
from collections.abc import Container
from typing import Any

from pydantic import ValidationError
from strands_robots.msg import SceneTerrain
from strands_robots.srv import EditScene

from strands_robots.core.errors import ConfigurationError, ShapeError
from strands_robots.core.share import robot_names
from strands_robots.core.text import printable
from strands_robots.core.validation import problems_of
from strands_robots.description.model_suffixes import is_model_file
from strands_robots.description.robot_config import CameraConfig, load_robot
from strands_robots.description.robot_model import describe_model
from strands_robots.description.robot_spec import RobotSpec
from strands_robots.ros.messages.geometry import quadruple, triple
from strands_robots.sim.edit.edits import (
    AddBody,
    AddJoint,
    AddShape,
    AddSite,
    Attach,
    DeleteBody,
    Detach,
    Edit,
    SetPose,
)
from strands_robots.sim.edit.model_files import ModelGuard
from strands_robots.sim.edit.property_edits import SetProperty
from strands_robots.sim.edit.shapes import Shape
from strands_robots.sim.edit.world_edits import AddCamera, AddRobot, RemoveCamera, RemoveRobot, SetGround
from strands_robots.sim.scene.terrain import Terrain

GREY = (0.6, 0.6, 0.6, 1.0)


def edits_from_msg(
    request: EditScene.Request, cameras: Container[str], robots: Container[str], guard: ModelGuard
) -> list[Edit]:
    """Return the edits of a request, in the order of its fields.

    Args:
        request: The request.
        cameras: Names of the world's cameras, which tell what a name in `remove` means ...
        robots: ... as do those of its robots.
        guard: Decides which files may be read.

    Raises:
        ConfigurationError, ModelError, ShapeError, UnknownNameError: If something is not valid.
    """
    if len(request.attach) != len(request.attach_to):
        raise ShapeError(f"{len(request.attach)} attach for {len(request.attach_to)} attach_to; valid: one for each")
    edits: list[Edit] = [_removal(name, cameras, robots) for name in request.remove]
    edits += [Detach(name) for name in request.detach]
    edits += [SetGround(terrain_from_msg(ground)) for ground in request.ground]
    edits += [AddRobot(_robot(robot, guard)) for robot in request.robots]
    for body in request.bodies:
        edits += _body(body, guard)
    edits += [
        AddJoint(joint.body, joint.name, joint.kind, triple(joint.axis), list(joint.range), joint.damping)
        for joint in request.joints
    ]
    edits += [_camera(camera) for camera in request.cameras]
    edits += [
        SetPose(entity.name, triple(entity.pose.position), quadruple(entity.pose.orientation))
        for entity in request.poses
    ]
    edits += [Attach(body, to) for body, to in zip(request.attach, request.attach_to)]
    edits += [SetProperty(each.kind, each.name, each.property, list(each.values)) for each in request.properties]
    return edits


def _removal(name: str, cameras: Container[str], robots: Container[str]) -> Edit:
    if name in robots:
        return RemoveRobot(name)
    return RemoveCamera(name) if name in cameras else DeleteBody(name)


def _body(body: Any, guard: ModelGuard) -> list[Edit]:
    solid = [_shape(shape, guard) for shape in body.shapes if shape.kind != "site"]
    sites: list[Edit] = [
        AddSite(body.name, shape.name, triple(shape.pose.position), quadruple(shape.pose.orientation))
        for shape in body.shapes
        if shape.kind == "site"
    ]
    if body.extend:
        return [*(AddShape(body.name, shape) for shape in solid), *sites]
    position, rotation = triple(body.pose.position), quadruple(body.pose.orientation)
    return [AddBody(body.name, solid, body.parent or "world", position, rotation, body.is_free), *sites]


def _shape(shape: Any, guard: ModelGuard) -> Shape:
    color = (shape.color.r, shape.color.g, shape.color.b, shape.color.a)
    friction = tuple(shape.friction) or (1.0, 0.005, 0.0001)
    if len(friction) != 3:
        raise ShapeError(f"{len(friction)} numbers for friction; valid: 3, or none")
    return Shape(
        kind=shape.kind,
        size=list(shape.size),
        mass=shape.mass,
        friction=(friction[0], friction[1], friction[2]),
        rgba=color if any(color) else GREY,
        mesh=guard.mesh(shape.mesh) if shape.kind == "mesh" else None,
        rule=guard.rule,
        name=shape.name,
        position=triple(shape.pose.position),
        quaternion=quadruple(shape.pose.orientation),
        collides=not shape.only_drawn,
    )


def _camera(camera: Any) -> AddCamera:
    try:
        config = CameraConfig(
            width=camera.width or 640,
            height=camera.height or 480,
            rate=camera.rate or 30.0,
            noise=camera.noise,
            delay=camera.delay,
        )
    except ValidationError as error:
        raise ConfigurationError(
            f"camera '{printable(camera.name)}' is not valid: {problems_of(error, 'camera')}"
        ) from error
    return AddCamera(
        name=camera.name,
        body=camera.body or "world",
        position=triple(camera.pose.position),
        quaternion=quadruple(camera.pose.orientation),
        look_at=triple(camera.look_at[0]) if camera.look_at else None,
        fovy=camera.fovy or math.radians(45.0),
        config=config,
    )


def _robot(robot: Any, guard: ModelGuard) -> RobotSpec:
    if robot.robot in robot_names():
        config, source = load_robot(robot.robot), robot.robot
        return RobotSpec(robot.name, config, triple(robot.position), robot.yaw, source)
    if is_model_file(robot.robot):
        path = guard.scene(robot.robot)
        config = describe_model(path, guard.rule)
        return RobotSpec(robot.name, config, triple(robot.position), robot.yaw, str(path), guard.rule)
    raise ConfigurationError(
        f"robot '{printable(robot.robot)}' given; valid: {', '.join(robot_names())}, or an MJCF or URDF file"
    )


def terrain_from_msg(ground: SceneTerrain) -> Terrain:
    """Return the ground that a message describes."""
    return Terrain(
        kind=ground.kind,
        size=ground.size or 5.0,
        height=ground.height,
        step=ground.step or 0.25,
        clearing=ground.clearing,
        seed=ground.seed,
    )

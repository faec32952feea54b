"""Changes of a world's cameras, robots and ground."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field

import mujoco
import numpy as np

from strands_robots.core.errors import ConfigurationError, UnknownNameError, WorldError
from strands_robots.core.names import GRAPH_NAME_RULE, is_graph_name
from strands_robots.core.text import printable
from strands_robots.description.robot_config import CameraConfig
from strands_robots.description.robot_spec import RobotSpec
from strands_robots.sim.edit.edits import WORLD, Draft, Quaternion
from strands_robots.sim.edit.prefixes import delete_robot
from strands_robots.sim.render.views import NARROWEST, WIDEST, looking
from strands_robots.sim.scene.scene import attach_robot, replace_ground
from strands_robots.sim.scene.terrain import Terrain
from strands_robots.sim.world.checks import Vector, checked_numbers, checked_position, unit_quaternion
from strands_robots.sim.world.world_config import MAX_ROBOTS


@dataclass(frozen=True)
class AddCamera:
    """Add a camera.

    Attributes:
        name: Its name.
        body: Body that it is fixed to.
        position: Origin in the body's frame [m].
        quaternion: Rotation of its optical frame (z forward, x right, y down) in the body's frame, xyzw; unless `look_at` is given.
        look_at: Point in the body's frame that it looks at [m], the body's z axis up in the picture; None takes `quaternion`.
        fovy: Vertical field of view [rad].
        config: Size, rate, noise and delay of its pictures.
    """

    name: str
    body: str = WORLD
    position: Vector = (0.0, 0.0, 0.0)
    quaternion: Quaternion = (0.0, 0.0, 0.0, 1.0)
    look_at: Vector | None = None
    fovy: float = math.radians(45.0)
    config: CameraConfig = field(default_factory=CameraConfig)

    def apply(self, draft: Draft) -> None:
        """See `edits.Edit`."""
        name = _checked_camera_name(self.name)
        if draft.spec.camera(name) is not None or name in {robot.name for robot in draft.config.robots}:
            raise WorldError(f"camera '{name}' exists already; valid: another name, or remove it first")
        (fovy,) = checked_numbers("field of view", [self.fovy], 1, NARROWEST, WIDEST, "rad")
        position = checked_position(name, self.position)
        if self.look_at is not None:
            rotation = looking(name, np.array(position), np.array(checked_position(name, self.look_at)))
        else:
            rotation = np.empty(4)
            mujoco.mju_mulQuat(rotation, unit_quaternion(name, self.quaternion), np.array([0.0, 1.0, 0.0, 0.0]))
        draft.body(self.body or WORLD).add_camera(name=name, pos=position, quat=rotation, fovy=math.degrees(fovy))
        draft.config = dataclasses.replace(draft.config, cameras={**draft.config.cameras, name: self.config})


@dataclass(frozen=True)
class RemoveCamera:
    """Remove a camera that is not a robot's."""

    name: str

    def apply(self, draft: Draft) -> None:
        """See `edits.Edit`."""
        names = [camera.name for camera in draft.spec.cameras if camera.name and "/" not in camera.name]
        if self.name not in names:
            raise UnknownNameError("camera", self.name, names)
        draft.spec.delete(draft.spec.camera(self.name))
        kept = {name: config for name, config in draft.config.cameras.items() if name != self.name}
        draft.config = dataclasses.replace(draft.config, cameras=kept)


@dataclass(frozen=True)
class AddRobot:
    """Add a robot."""

    robot: RobotSpec

    def apply(self, draft: Draft) -> None:
        """See `edits.Edit`."""
        robots = draft.config.robots
        if self.robot.name in [robot.name for robot in robots] or draft.spec.body(self.robot.name) is not None:
            raise WorldError(f"'{self.robot.name}' exists already; valid: another name, or remove it first")
        used = {int(actuator.group) for actuator in draft.spec.actuators}
        group = next((number for number in range(1, MAX_ROBOTS + 1) if number not in used), None)
        if group is None:
            raise WorldError(f"{MAX_ROBOTS} robots are in the world; valid: remove one first")
        attach_robot(draft.spec, self.robot, group)
        draft.config = dataclasses.replace(draft.config, robots=(*robots, self.robot))


@dataclass(frozen=True)
class RemoveRobot:
    """Remove a robot with everything that carries its prefix; its default classes stay, unused: MuJoCo cannot delete them."""

    name: str

    def apply(self, draft: Draft) -> None:
        """See `edits.Edit`."""
        names = [robot.name for robot in draft.config.robots]
        if self.name not in names:
            raise UnknownNameError("robot", self.name, names)
        delete_robot(draft.spec, self.name)
        kept = tuple(robot for robot in draft.config.robots if robot.name != self.name)
        draft.config = dataclasses.replace(draft.config, robots=kept)


@dataclass(frozen=True)
class SetGround:
    """Replace the ground; None gives the flat floor back."""

    terrain: Terrain | None

    def apply(self, draft: Draft) -> None:
        """See `edits.Edit`."""
        replace_ground(draft.spec, self.terrain)


def _checked_camera_name(name: str) -> str:
    """Return a name that topics can carry: cameras have theirs below it."""
    if not is_graph_name(name):
        raise ConfigurationError(f"name '{printable(name)}' of a camera given; valid: {GRAPH_NAME_RULE}")
    return name

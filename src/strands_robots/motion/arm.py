"""Kinematics of one robot on its own model: where its tool is, and what touches what. Needs MuJoCo; no ROS.

Arrays (D,) are in the joint order of the robot's configuration. MuJoCo's own orders stay inside this file.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ModelError
from strands_robots.core.pose import Pose
from strands_robots.description.base_contacts import exclude_base_contacts
from strands_robots.description.contact_margins import set_margins
from strands_robots.description.equality_joints import Followers
from strands_robots.description.model_file import compile_model
from strands_robots.description.robot_config import RobotConfig
from strands_robots.description.robot_model import load_robot_model
from strands_robots.motion.ground import ground_height

CLEARANCE = 0.002
"""Parts of the robot keep this distance from each other [m]."""

GROUND_TOLERANCE = 0.001
"""The ground may be touched, and shapes are drawn generously: this depth [m] is no collision yet."""

GROUND = "the ground"
_EVERY_TYPE = 2**31 - 1  # bits of contype and conaffinity
_SETTLED = 1e-3  # [m]; a contact of the start may become this much deeper


@dataclass(frozen=True)
class Collision:
    """Two parts that are too close.

    Attributes:
        first, second: Names of the bodies.
        distance: Between their shapes [m]; negative when they overlap.
    """

    first: str
    second: str
    distance: float

    def __str__(self) -> str:
        if self.distance < 0.0:
            return f"{self.first} would be {-1e3 * self.distance:.1f} mm inside {self.second}"
        distance, valid = 1e3 * self.distance, 1e3 * CLEARANCE
        return f"{self.first} would be {distance:.1f} mm from {self.second}; valid: at least {valid:.1f} mm"


class Arm:
    """A robot's model by itself: no other objects, but the ground it stands on.

    Belongs to one thread at a time: forward kinematics is computed in place.

    Args:
        config: The robot.
        name: Its name on the graph, for messages.
        avoid_ground: Take the plane under the lowest shape of the base for an obstacle; without such a shape, the plane in which the
            model's frame lies, as the world puts it on its floor.

    Attributes:
        config: The robot.
        limits: Its joint limits.
        model: Its compiled model, with the configuration's position limits.
        spec: What the model was compiled from; not to be changed, but copied.
        path: The file it came from.
        tool_columns: Joints (as columns of (D,) arrays) that move the tool.
        ground: Height of the ground in the base frame [m]; None where it is no obstacle.

    Raises:
        ModelError: If the model cannot be used, or does not have the configuration's tool or base frame.
    """

    def __init__(self, config: RobotConfig, name: str = "", *, avoid_ground: bool = True) -> None:
        self.config = config
        self.name = name or config.name
        self.limits = config.limits()
        robot = load_robot_model(config.model_copy(update={"cameras": {}}), self.name)
        exclude_base_contacts(robot.spec)
        self.model = compile_model(robot.spec, robot.path, f"robot '{self.name}'")
        ground = ground_height(self.model)
        if avoid_ground:
            robot.spec.worldbody.add_geom(
                name=GROUND,
                type=mujoco.mjtGeom.mjGEOM_PLANE,
                size=[5.0, 5.0, 0.1],
                pos=[0.0, 0.0, ground],
                contype=_EVERY_TYPE,
                conaffinity=_EVERY_TYPE,
            )
            self.model = compile_model(robot.spec, robot.path, f"robot '{self.name}'")
        self.spec, self.path = robot.spec, robot.path
        self._data = mujoco.MjData(self.model)
        mujoco.mj_kinematics(self.model, self._data)
        joints = [self.model.joint(joint).id for joint in config.joints]
        self.qpos_address = self.model.jnt_qposadr[joints].copy()
        self.dof_address = self.model.jnt_dofadr[joints].copy()
        self._followers = Followers(self.model)
        for column, joint in enumerate(joints):
            low, high = self.limits.lower[column], self.limits.upper[column]
            self.model.jnt_range[joint] = low, high
            self.model.jnt_limited[joint] = bool(np.isfinite([low, high]).all())
        set_margins(self.model, CLEARANCE)
        self._base = _body(self.model, config.base_frame, self.name)
        self.ground = ground - float(self.base_pose.position[2]) if avoid_ground else None
        self.tool = _tool(self.model, config.tool_frame, self.name)
        self.tool_columns = [] if self.tool is None else _columns_above(self.model, joints, self.tool[2])

    @property
    def prefixes(self) -> tuple[str, ...]:
        """How the names of each robot's links begin: one robot has its model's own names."""
        return ("",)

    @property
    def tools(self) -> tuple[tuple[str, Pose], ...]:
        """The tool frame of each robot, empty for none, and its base frame's pose in the frame of the model file."""
        return ((self.config.tool_frame, self.base_pose),)

    @property
    def reach(self) -> float:
        """A distance from the base frame that the tool never exceeds [m]: all links stretched, all slides out."""
        assert self.tool is not None
        _, site, body = self.tool
        model, data = self.model, self._data
        length = float(np.linalg.norm(model.site_pos[site])) if site >= 0 else 0.0
        while body > 0:
            length += float(np.linalg.norm(model.body_pos[body]))
            for joint in range(model.body_jntadr[body], model.body_jntadr[body] + model.body_jntnum[body]):
                length += 2.0 * float(np.linalg.norm(model.jnt_pos[joint]))
                if int(model.jnt_type[joint]) == int(mujoco.mjtJoint.mjJNT_SLIDE):
                    length += float(np.abs(model.jnt_range[joint]).max()) if model.jnt_limited[joint] else np.inf
            body = int(model.body_parentid[body])
        return length + float(np.linalg.norm(data.xpos[self._base]))

    def qpos(self, position: FloatArray) -> FloatArray:
        """Return MuJoCo's generalised positions (nq,) of joint positions (D,) [rad] or [m]."""
        qpos: FloatArray = self.model.qpos0.copy()
        qpos[self.qpos_address] = position
        self._followers.place(qpos)
        return qpos

    def tool_pose(self, position: FloatArray) -> Pose:
        """Return the pose of the tool in the base frame for joint positions (D,) [rad] or [m].

        Raises:
            ModelError: If the configuration names no tool frame.
        """
        if self.tool is None:
            raise ModelError(f"robot '{self.name}' has no tool_frame in its configuration; valid: motions of joints")
        self._place(position)
        _, number, body = self.tool
        data = self._data
        position_world, rotation = (
            (data.site_xpos[number], data.site_xmat[number]) if number >= 0 else (data.xpos[body], data.xmat[body])
        )
        pose = Pose(position_world.copy(), rotation.reshape(3, 3).copy())
        return self.base_pose.inverse().at(pose)

    @property
    def base_pose(self) -> Pose:
        """Pose of the base frame in the frame of the model file."""
        return Pose(self._data.xpos[self._base].copy(), self._data.xmat[self._base].reshape(3, 3).copy())

    @property
    def tool_link(self) -> str:
        """Name of the body that carries the tool; empty for a robot without tool frame."""
        return "" if self.tool is None else str(self.model.body(self.tool[2]).name)

    @property
    def links(self) -> list[str]:
        """Names of all bodies of the robot."""
        return [self.model.body(i).name for i in range(1, self.model.nbody)]

    def link_pose(self, position: FloatArray, link: str) -> Pose:
        """Return the pose of a body in the base frame for joint positions (D,) [rad] or [m]."""
        self._place(position)
        number = _body(self.model, link, self.name)
        pose = Pose(self._data.xpos[number].copy(), self._data.xmat[number].reshape(3, 3).copy())
        return self.base_pose.inverse().at(pose)

    def collision_geoms(self) -> list[int]:
        """Return the numbers of the robot's shapes that can touch something, the ground left out."""
        model = self.model
        return [
            geom
            for geom in range(model.ngeom)
            if model.geom(geom).name != GROUND and (model.geom_contype[geom] or model.geom_conaffinity[geom])
        ]

    def geom_pose(self, position: FloatArray, geom: int) -> Pose:
        """Return the pose of a shape in the base frame for joint positions (D,) [rad] or [m]."""
        self._place(position)
        pose = Pose(self._data.geom_xpos[geom].copy(), self._data.geom_xmat[geom].reshape(3, 3).copy())
        return self.base_pose.inverse().at(pose)

    def contacts(self, position: FloatArray) -> dict[tuple[int, int], float]:
        """Return the distance [m] of every pair of bodies that are closer than `CLEARANCE`, by their numbers.

        Args:
            position: Joint positions (D,) [rad] or [m].
        """
        self._place(position)
        mujoco.mj_collision(self.model, self._data)
        closest: dict[tuple[int, int], float] = {}
        bodies = self.model.geom_bodyid
        for contact in self._data.contact[: self._data.ncon]:
            first, second = (int(bodies[geom]) for geom in contact.geom)
            pair = (min(first, second), max(first, second))
            closest[pair] = min(closest.get(pair, np.inf), float(contact.dist))
        return closest

    def collision(self, position: FloatArray, at_start: dict[tuple[int, int], float]) -> Collision | None:
        """Return the worst collision at joint positions (D,), or None.

        Args:
            position: Joint positions (D,) [rad] or [m].
            at_start: `contacts` where the robot is now: what touches already may touch, but not deeper.
        """
        worst: Collision | None = None
        for pair, distance in self.contacts(position).items():
            on_ground = pair[0] == 0
            allowed = min(-GROUND_TOLERANCE if on_ground else CLEARANCE, at_start.get(pair, np.inf) - _SETTLED)
            if distance < allowed and (worst is None or distance < worst.distance):
                names = [self.model.body(number).name or f"body {number}" for number in pair]
                worst = Collision(names[1], GROUND if on_ground else names[0], distance)
        return worst

    def _place(self, position: FloatArray) -> None:
        self._data.qpos[self.qpos_address] = position
        self._followers.place(self._data.qpos)
        mujoco.mj_kinematics(self.model, self._data)


def _body(model: mujoco.MjModel, name: str, robot: str) -> int:
    number = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, name)
    if number < 0:
        bodies = ", ".join(model.body(i).name for i in range(1, model.nbody))
        raise ModelError(f"base_frame '{name}' of robot '{robot}' is no body of its model; valid: {bodies}")
    return int(number)


def _tool(model: mujoco.MjModel, name: str, robot: str) -> tuple[str, int, int] | None:
    """Return (type of frame for mink, site number or -1, body number) of the tool frame; None when there is none."""
    if not name:
        return None
    site = int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_SITE, name))
    if site >= 0:
        return "site", site, int(model.site_bodyid[site])
    body = int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, name))
    if body >= 0:
        return "body", -1, body
    sites = ", ".join(model.site(i).name for i in range(model.nsite)) or "none"
    bodies = ", ".join(model.body(i).name for i in range(1, model.nbody))
    raise ModelError(
        f"tool_frame '{name}' of robot '{robot}' is no frame of its model; valid: sites {sites}; bodies {bodies}"
    )


def _columns_above(model: mujoco.MjModel, joints: list[int], body: int) -> list[int]:
    """Return which of `joints` lie between the world and `body`, as indices into `joints`."""
    above = set()
    while body > 0:
        above.add(body)
        body = int(model.body_parentid[body])
    return [column for column, joint in enumerate(joints) if int(model.jnt_bodyid[joint]) in above]

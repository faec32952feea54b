"""Small changes of a world's bodies. Each one changes a draft; `editing.edit` applies a list of them, all or none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import mujoco
import numpy as np

from strands_robots.core.errors import ConfigurationError, UnknownNameError, WorldError
from strands_robots.sim.edit.placement import EntityPlacement
from strands_robots.sim.edit.prefixes import delete_assets, delete_references
from strands_robots.sim.edit.shapes import Shape, add_shape
from strands_robots.sim.world.checks import Vector, checked_name, checked_numbers, checked_position, unit_quaternion
from strands_robots.sim.world.world_config import WorldConfig

Quaternion = tuple[float, float, float, float]
WORLD = "world"
JOINT_KINDS = {
    "hinge": mujoco.mjtJoint.mjJNT_HINGE,
    "slide": mujoco.mjtJoint.mjJNT_SLIDE,
    "ball": mujoco.mjtJoint.mjJNT_BALL,
}
_ATTACHMENT = "attach:"


@dataclass
class Draft:
    """A copy of the world's description that edits work on.

    Attributes:
        spec: The copy.
        config: What it is made from; edits replace it.
        model, data: The world as it is; not to be changed.
        placements: Free objects to be put somewhere once the draft has become the world ...
        mocap: ... and bodies that are moved from outside.
    """

    spec: mujoco.MjSpec
    config: WorldConfig
    model: mujoco.MjModel
    data: mujoco.MjData
    placements: list[EntityPlacement] = field(default_factory=list)
    mocap: list[str] = field(default_factory=list)

    def body(self, name: str) -> mujoco.MjsBody:
        """Return a body by name.

        Raises:
            UnknownNameError: If there is none.
        """
        for body in self.spec.bodies:
            if body.name == name:
                return body
        raise UnknownNameError("body", name, [body.name for body in self.spec.bodies if body.name])

    def object(self, name: str) -> mujoco.MjsBody:
        """Return a body that is no part of a robot and not the world.

        Raises:
            UnknownNameError: If there is none.
            WorldError: If it is part of a robot, or the world itself.
        """
        body = self.body(name)
        owner = name.partition("/")[0]
        if name == WORLD or owner in {robot.name for robot in self.config.robots}:
            raise WorldError(f"'{name}' belongs to the world itself or to a robot; valid: an object")
        return body


class Edit(Protocol):
    """One change."""

    def apply(self, draft: Draft) -> None:
        """Change the draft.

        Raises:
            ConfigurationError, UnknownNameError, WorldError: If the change is not possible.
        """


@dataclass(frozen=True)
class AddBody:
    """Add a body: an object when it lies in the world, a part when it lies in another body.

    Attributes:
        name: Its name.
        shapes: What it is made of.
        parent: Body that it is fixed to.
        position, quaternion: Pose in the parent's frame [m], xyzw.
        is_free: True for an object that can move; only in the world.
    """

    name: str
    shapes: Sequence[Shape] = ()
    parent: str = WORLD
    position: Vector = (0.0, 0.0, 0.0)
    quaternion: Quaternion = (0.0, 0.0, 0.0, 1.0)
    is_free: bool = False

    def apply(self, draft: Draft) -> None:
        """See `Edit`."""
        parent = draft.body(self.parent or WORLD)
        if self.is_free and parent.name != WORLD:
            raise ConfigurationError(
                f"'{self.name}' is to be free inside of '{parent.name}'; valid: free bodies in the world"
            )
        if self.is_free and not any(shape.mass > 0.0 for shape in self.shapes):
            raise ConfigurationError(f"'{self.name}' is free and has no mass; valid: at least one shape with a mass")
        name = checked_name("body", self.name)
        if name in {body.name for body in draft.spec.bodies} or name in {robot.name for robot in draft.config.robots}:
            raise WorldError(f"'{name}' exists already; valid: another name, or remove it first")
        body = parent.add_body(
            name=name, pos=checked_position(name, self.position), quat=unit_quaternion(name, self.quaternion)
        )
        if self.is_free:
            body.add_freejoint(name=name)
        for shape in self.shapes:
            add_shape(draft.spec, body, shape)


@dataclass(frozen=True)
class AddShape:
    """Add a shape to a body."""

    body: str
    shape: Shape

    def apply(self, draft: Draft) -> None:
        """See `Edit`."""
        add_shape(draft.spec, draft.body(self.body), self.shape)


@dataclass(frozen=True)
class AddSite:
    """Add a named frame to a body; pose in the body's frame [m], xyzw."""

    body: str
    name: str
    position: Vector = (0.0, 0.0, 0.0)
    quaternion: Quaternion = (0.0, 0.0, 0.0, 1.0)

    def apply(self, draft: Draft) -> None:
        """See `Edit`."""
        name = checked_name("site", self.name)
        draft.body(self.body).add_site(
            name=name, pos=checked_position(name, self.position), quat=unit_quaternion(name, self.quaternion), group=4
        )


@dataclass(frozen=True)
class AddJoint:
    """Add a joint to an object, so that it can move against its parent.

    Attributes:
        body: The object; it must not be free.
        name: Name of the joint.
        kind: One of `JOINT_KINDS`.
        axis: Axis in the body's frame (3,).
        range: Lowest and highest position [rad] or [m]; empty for no limits.
        damping: [Nms/rad] or [Ns/m].
    """

    body: str
    name: str
    kind: str = "hinge"
    axis: Vector = (0.0, 0.0, 1.0)
    range: Sequence[float] = ()
    damping: float = 0.0

    def apply(self, draft: Draft) -> None:
        """See `Edit`."""
        if self.kind not in JOINT_KINDS:
            raise UnknownNameError("kind of joint", self.kind, JOINT_KINDS)
        axis = checked_numbers("axis", self.axis, 3, -1e3, 1e3, "x, y, z")
        if np.linalg.norm(axis) < 1e-9:
            raise ConfigurationError(f"axis of joint '{self.name}' has length zero; valid: any other")
        damping = checked_numbers("damping", [self.damping], 1, 0.0, 1e6, "Nms/rad or Ns/m")
        joint = draft.object(self.body).add_joint(
            name=checked_name("joint", self.name), type=JOINT_KINDS[self.kind], axis=axis, damping=damping[0]
        )
        if len(self.range):
            limits = checked_numbers("range", self.range, 2, -1e3, 1e3, "lowest, highest")
            joint.range = in_spec_unit(joint, limits)
            joint.limited = mujoco.mjtLimited.mjLIMITED_TRUE


@dataclass(frozen=True)
class SetPose:
    """Move an object, now and for every reset; pose in its parent's frame [m], xyzw."""

    name: str
    position: Vector
    quaternion: Quaternion = (0.0, 0.0, 0.0, 1.0)

    def apply(self, draft: Draft) -> None:
        """See `Edit`."""
        body = draft.object(self.name)
        _keep_welds(draft, self.name)
        body.pos = checked_position(self.name, self.position)
        body.quat = unit_quaternion(self.name, self.quaternion)
        if any(int(joint.type) == int(mujoco.mjtJoint.mjJNT_FREE) for joint in body.joints):
            draft.placements.append(EntityPlacement(self.name, self.position, self.quaternion))
        if body.mocap:
            draft.mocap.append(self.name)


@dataclass(frozen=True)
class DeleteBody:
    """Remove an object with all that is fixed to it."""

    name: str

    def apply(self, draft: Draft) -> None:
        """See `Edit`."""
        body = draft.object(self.name)
        gone = {each.name for each in (body, *body.find_all("body"))}
        for equality in list(draft.spec.equalities):
            if equality.name1 in gone or equality.name2 in gone:
                draft.spec.delete(equality)
        for exclude in list(draft.spec.excludes):
            if exclude.bodyname1 in gone or exclude.bodyname2 in gone:
                draft.spec.delete(exclude)
        draft.placements = [placement for placement in draft.placements if placement.name not in gone]
        draft.mocap = [name for name in draft.mocap if name not in gone]
        delete_references(draft.spec, f"{self.name}/")
        draft.spec.delete(body)
        delete_assets(draft.spec, f"{self.name}/")


@dataclass(frozen=True)
class Attach:
    """Fix a body to another one where it is now, by a weld."""

    body: str
    to: str

    def apply(self, draft: Draft) -> None:
        """See `Edit`."""
        draft.body(self.body)
        draft.body(self.to or WORLD)
        if self.body == self.to or self.body == WORLD:
            raise WorldError(
                f"'{self.body}' cannot be attached to '{self.to}'; valid: two bodies, the first not the world"
            )
        name = _ATTACHMENT + self.body
        if any(equality.name == name for equality in draft.spec.equalities):
            raise WorldError(f"'{self.body}' is attached already; valid: detach it first")
        equality = draft.spec.add_equality(
            name=name,
            type=mujoco.mjtEq.mjEQ_WELD,
            objtype=mujoco.mjtObj.mjOBJ_BODY,
            name1=self.to or WORLD,
            name2=self.body,
        )
        equality.data[:] = 0.0  # a zero quaternion takes the pose in which the model is compiled
        equality.data[10] = 1.0  # torque against turning, for each force against moving
        relative = _relative_pose(draft, self.to or WORLD, self.body)
        if relative is not None:
            equality.data[3:10] = relative


@dataclass(frozen=True)
class Detach:
    """Free a body that was attached."""

    body: str

    def apply(self, draft: Draft) -> None:
        """See `Edit`."""
        attached = {each.name: each for each in draft.spec.equalities if each.name.startswith(_ATTACHMENT)}
        equality = attached.get(_ATTACHMENT + self.body)
        if equality is None:
            raise UnknownNameError("attached body", self.body, [name.removeprefix(_ATTACHMENT) for name in attached])
        draft.spec.delete(equality)


def _keep_welds(draft: Draft, name: str) -> None:
    """Write down the relative poses of a body's welds, which the compiler would otherwise take from where the body is put."""
    for equality in draft.spec.equalities:
        if int(equality.type) != int(mujoco.mjtEq.mjEQ_WELD) or name not in (equality.name1, equality.name2):
            continue
        number = mujoco.mj_name2id(draft.model, mujoco.mjtObj.mjOBJ_EQUALITY, equality.name)
        if number >= 0 and int(equality.objtype) == int(mujoco.mjtObj.mjOBJ_BODY):
            equality.data[:] = draft.model.eq_data[number]


def _relative_pose(draft: Draft, first: str, second: str) -> list[float] | None:
    """Return the present pose (7,) of the second body in the first one's frame, wxyz; None when one of them is new."""
    numbers = [int(mujoco.mj_name2id(draft.model, mujoco.mjtObj.mjOBJ_BODY, name)) for name in (first, second)]
    if min(numbers) < 0:
        return None
    data, (a, b) = draft.data, numbers
    inverse, rotation, position = np.empty(4), np.empty(4), np.empty(3)
    mujoco.mju_negQuat(inverse, data.xquat[a])
    mujoco.mju_mulQuat(rotation, inverse, data.xquat[b])
    mujoco.mju_rotVecQuat(position, data.xpos[b] - data.xpos[a], inverse)
    return [*position.tolist(), *rotation.tolist()]


def in_spec_unit(joint: mujoco.MjsJoint, values: list[float]) -> list[float]:
    """Return joint positions [rad] or [m] in the unit of the file that the joint comes from."""
    is_angle = int(joint.type) != int(mujoco.mjtJoint.mjJNT_SLIDE)
    return [math.degrees(value) for value in values] if is_angle and joint.compiler.degree else values

"""Adds whole model files to a world as objects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import mujoco

from strands_robots.core.errors import ModelError, WorldError
from strands_robots.description.file_rule import ANY_FILE, FileRule
from strands_robots.description.model_file import close_model, close_text, compile_model, open_model, parse_model
from strands_robots.sim.edit.edits import Draft, Quaternion
from strands_robots.sim.world.checks import Vector, checked_name, checked_position, unit_quaternion

_FREE = int(mujoco.mjtJoint.mjJNT_FREE)


@dataclass(frozen=True)
class ModelSource:
    """A model file, or its text.

    Attributes:
        file: MJCF or URDF file; None takes `text`.
        text: MJCF or URDF.
        rule: Which files it may consist of.
    """

    file: Path | None = None
    text: str = ""
    rule: FileRule = field(default=ANY_FILE, repr=False)

    def open(self, name: str) -> mujoco.MjSpec:
        """Return the model's spec.

        Raises:
            ModelError: If it cannot be used.
        """
        role = f"the model of '{name}'"
        if self.file is not None:
            return open_model(self.file, role, self.rule)
        return parse_model(self.text, role, self.rule)

    @property
    def path(self) -> Path:
        """What to call it in messages."""
        return self.file if self.file is not None else Path("(text)")


@dataclass(frozen=True)
class AddModel:
    """Add what a model file holds as one object. Names inside get the prefix "<name>/"; planes, lights, cameras and keyframes stay out.

    It can move freely where the model's one outermost body can, or where it is a URDF without a link "world".

    Attributes:
        name: Name of the object.
        model: The model.
        position, quaternion: Pose in the world [m], xyzw.
    """

    name: str
    model: ModelSource
    position: Vector = (0.0, 0.0, 0.0)
    quaternion: Quaternion = (0.0, 0.0, 0.0, 1.0)

    def apply(self, draft: Draft) -> None:
        """See `edits.Edit`."""
        name = checked_name("body", self.name)
        if name in {body.name for body in draft.spec.bodies} or name in {robot.name for robot in draft.config.robots}:
            raise WorldError(f"'{name}' exists already; valid: another name, or remove it first")
        child = self.model.open(name)
        compiled = compile_model(child, self.model.path, f"'{name}'")
        is_free = _free_the_body(child) or (is_urdf(self.model) and float(compiled.body_mass.sum()) > 0.0)
        _strip(child)
        wrapper = draft.spec.worldbody.add_body(
            name=name, pos=checked_position(name, self.position), quat=unit_quaternion(name, self.quaternion)
        )
        if is_free:
            wrapper.add_freejoint(name=name)
        try:
            draft.spec.attach(child, prefix=f"{name}/", frame=wrapper.add_frame())
        except ValueError as error:
            raise ModelError(f"the model of '{name}' cannot be attached; MuJoCo says: {error}") from error


def is_urdf(model: ModelSource) -> bool:
    """Return whether the model is a URDF."""
    role = "the model"
    text, file, rule = model.text, model.file, model.rule
    closed = close_text(text, role, rule, holds=False) if file is None else close_model(file, role, rule, holds=False)
    return closed.root.tag.lower() == "robot"


def is_robot(model: ModelSource, name: str) -> bool:
    """Return whether a model is one to be commanded: it has actuators, or it is a URDF with joints.

    Raises:
        ModelError: If it cannot be used.
    """
    compiled = compile_model(model.open(name), model.path, f"'{name}'")
    return bool(compiled.nu) or (is_urdf(model) and bool(compiled.njnt))


def _free_the_body(spec: mujoco.MjSpec) -> bool:
    """Take the free joint of the one outermost body away, which the object gets instead; return whether there was one."""
    bodies = list(spec.worldbody.bodies)
    free = [joint for body in bodies for joint in body.joints if int(joint.type) == _FREE]
    if len(free) > 1 or (free and len(bodies) > 1):
        raise ModelError(
            f"the model has {len(bodies)} outermost bodies, {len(free)} of them free; valid: one, or none free"
        )
    for joint in free:
        spec.delete(joint)
    return bool(free)


def _strip(spec: mujoco.MjSpec) -> None:
    unwanted: Iterable[Iterable[object]] = (
        spec.keys,
        spec.worldbody.lights,
        spec.cameras,
        [geom for geom in spec.worldbody.geoms if int(geom.type) == int(mujoco.mjtGeom.mjGEOM_PLANE)],
    )
    for elements in unwanted:
        for element in list(elements):
            spec.delete(element)

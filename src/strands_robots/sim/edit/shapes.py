"""Shapes that can be added to a world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import mujoco

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.description.file_rule import ANY_FILE, FileRule
from strands_robots.description.model_reader import ModelReader
from strands_robots.sim.world.checks import (
    Vector,
    checked_name,
    checked_numbers,
    checked_position,
    unit_quaternion,
)

KINDS = {
    "box": (mujoco.mjtGeom.mjGEOM_BOX, 3, "half lengths x, y, z"),
    "sphere": (mujoco.mjtGeom.mjGEOM_SPHERE, 1, "radius"),
    "cylinder": (mujoco.mjtGeom.mjGEOM_CYLINDER, 2, "radius, half length"),
    "capsule": (mujoco.mjtGeom.mjGEOM_CAPSULE, 2, "radius, half length without the caps"),
    "ellipsoid": (mujoco.mjtGeom.mjGEOM_ELLIPSOID, 3, "half axes x, y, z"),
    "plane": (mujoco.mjtGeom.mjGEOM_PLANE, 2, "half lengths x, y"),
    "mesh": (mujoco.mjtGeom.mjGEOM_MESH, 1, "scale"),
}
LARGEST = 1000.0
"""Largest size of a shape [m]."""

HEAVIEST = 1e5
"""Largest mass of a shape [kg]."""


@dataclass(frozen=True)
class Shape:
    """A shape of a body.

    Attributes:
        kind: One of `KINDS`.
        size: As many numbers as its kind has [m]; see `KINDS`.
        mass: [kg]; 0 for one that only belongs to a fixed body.
        friction: Sliding, torsional, rolling.
        rgba: Colour, 0 to 1.
        mesh: File of a mesh (.stl, .obj, .msh); for kind "mesh".
        name: Its name; empty for none.
        position, quaternion: Pose in the body's frame [m], xyzw.
        collides: False for a shape that is only drawn.
        rule: Which file `mesh` may be.
    """

    kind: str
    size: Sequence[float]
    mass: float = 0.0
    friction: Vector = (1.0, 0.005, 0.0001)
    rgba: tuple[float, float, float, float] = (0.6, 0.6, 0.6, 1.0)
    mesh: Path | None = None
    name: str = ""
    position: Vector = (0.0, 0.0, 0.0)
    quaternion: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)
    collides: bool = True
    rule: FileRule = field(default=ANY_FILE, repr=False)


def add_shape(spec: mujoco.MjSpec, body: mujoco.MjsBody, shape: Shape) -> None:
    """Add a shape to a body of a spec.

    Raises:
        UnknownNameError: If the kind is not known.
        ConfigurationError: If a number is not possible; the message says what is.
        ModelError: If a mesh file is not allowed or cannot be read.
    """
    if shape.kind not in KINDS:
        raise UnknownNameError("kind of shape", shape.kind, KINDS)
    kind, count, words = KINDS[shape.kind]
    size = checked_numbers(f"size of a {shape.kind}", shape.size, count, 1e-5, LARGEST, words)
    (mass,) = checked_numbers("mass", [shape.mass], 1, 0.0, HEAVIEST, "kg")
    options = {
        "type": kind,
        "mass": mass,
        "friction": checked_numbers("friction", shape.friction, 3, 0.0, 100.0, "sliding, torsional, rolling"),
        "rgba": checked_numbers("colour", shape.rgba, 4, 0.0, 1.0, "red, green, blue, alpha"),
        "pos": checked_position(shape.name or shape.kind, shape.position),
        "quat": unit_quaternion(shape.name or shape.kind, shape.quaternion),
    }
    if shape.name:
        options["name"] = checked_name("shape", shape.name)
    if not shape.collides:
        options["contype"] = options["conaffinity"] = 0
    if shape.kind == "mesh":
        if shape.mesh is None:
            raise ConfigurationError("a mesh without a file is given; valid: a .stl, .obj or .msh file")
        name = f"{body.name}_mesh_{len(spec.meshes)}"
        reader = ModelReader(shape.rule, f"shape '{shape.name or shape.kind}' of '{body.name}'")
        spec.add_mesh(name=name, file=reader.hold(shape.mesh, shape.mesh.name), scale=[size[0]] * 3)
        spec.assets.update(reader.assets)
        body.add_geom(meshname=name, **options)
    else:
        body.add_geom(size=[*size, 0.05] if shape.kind == "plane" else [*size, *[0.0] * (3 - count)], **options)

"""Changes of single properties of bodies, shapes, joints and of the physics itself. Inertia follows mass and size."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mujoco

from strands_robots.core.errors import UnknownNameError, WorldError
from strands_robots.sim.edit.edits import Draft, in_spec_unit
from strands_robots.sim.edit.shapes import HEAVIEST, LARGEST
from strands_robots.sim.world.checks import checked_numbers
from strands_robots.sim.world.model_names import BODY, GEOM, JOINT, number_of

_SCALAR = (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))


@dataclass(frozen=True)
class SetProperty:
    """Set one property.

    Attributes:
        kind: "body", "geom", "joint" or "option".
        name: Name of the body, shape or joint; empty for an option. A shape without a name is "#<number>", as queries call it.
        property: What to set, see `PROPERTIES`.
        values: Its new values, SI and radians.
    """

    kind: str
    name: str
    property: str
    values: Sequence[float]

    def apply(self, draft: Draft) -> None:
        """See `edits.Edit`."""
        known = PROPERTIES.get(self.kind)
        if known is None:
            raise UnknownNameError("kind of part", self.kind, PROPERTIES)
        rule = known.get(self.property)
        if rule is None:
            raise UnknownNameError(f"property of a {self.kind}", self.property, known)
        values = checked_numbers(
            f"{self.property} of '{self.name or self.kind}'",
            self.values,
            rule.count,
            rule.lowest,
            rule.highest,
            rule.unit,
        )
        rule.write(draft, _element(draft, self.kind, self.name), values)


@dataclass(frozen=True)
class _Rule:
    count: int
    lowest: float
    highest: float
    unit: str
    write: Callable[[Draft, Any, list[float]], None]


def _element(draft: Draft, kind: str, name: str) -> Any:
    """Return the element of the draft's spec; names and numbers are those of the world as it is, or of parts just added."""
    spec = draft.spec
    if kind == "option":
        return spec.option
    elements = {"body": spec.bodies, "geom": spec.geoms, "joint": spec.joints}[kind]
    for element in elements:
        if name and element.name == name:
            return element
    number = number_of(draft.model, {"body": BODY, "geom": GEOM, "joint": JOINT}[kind], name)
    found = [element for element in elements if element.id == number and not element.name]
    if not found:
        raise WorldError(
            f"'{name}' was removed or renumbered by an earlier change of this list; valid: change it in a list of its own"
        )
    return found[0]


def _attribute(name: str) -> Callable[[Draft, Any, list[float]], None]:
    def write(draft: Draft, element: Any, values: list[float]) -> None:
        setattr(element, name, values[0] if len(values) == 1 else values)

    return write


def _array(name: str) -> Callable[[Draft, Any, list[float]], None]:
    def write(draft: Draft, element: Any, values: list[float]) -> None:
        getattr(element, name)[: len(values)] = values

    return write


def _body_mass(draft: Draft, body: Any, values: list[float]) -> None:
    """Scale mass and inertia together."""
    number = int(mujoco.mj_name2id(draft.model, BODY, body.name))
    present = float(draft.model.body_mass[number]) if number > 0 else 0.0
    if present <= 0.0:
        raise WorldError(f"body '{body.name}' has no mass of its own to scale; valid: set the mass of its shapes")
    factor = values[0] / present
    if body.explicitinertial:
        body.mass *= factor
        body.inertia = [factor * value for value in body.inertia]
        body.fullinertia = [factor * value if math.isfinite(value) else value for value in body.fullinertia]
        return
    for geom in body.geoms:
        if math.isfinite(geom.mass):
            geom.mass *= factor
        else:
            geom.density *= factor


def _size(draft: Draft, geom: Any, values: list[float]) -> None:
    if int(geom.type) in (int(mujoco.mjtGeom.mjGEOM_MESH), int(mujoco.mjtGeom.mjGEOM_HFIELD)):
        raise WorldError(
            f"shape '{geom.name}' is a mesh or a height field; valid: box, sphere, cylinder, capsule, ellipsoid, plane"
        )
    geom.size = values


def _joint_range(draft: Draft, joint: Any, values: list[float]) -> None:
    if int(joint.type) not in _SCALAR or values[0] >= values[1]:
        raise WorldError(f"range {values} of joint '{joint.name}' given; valid: a hinge or slide, lowest below highest")
    joint.range = in_spec_unit(joint, values)
    joint.limited = mujoco.mjtLimited.mjLIMITED_TRUE


def _timestep(draft: Draft, option: Any, values: list[float]) -> None:
    option.timestep = values[0]
    draft.config = dataclasses.replace(draft.config, timestep=values[0])


def _flag(name: str) -> Callable[[Draft, Any, list[float]], None]:
    def write(draft: Draft, element: Any, values: list[float]) -> None:
        setattr(element, name, int(values[0]))

    return write


PROPERTIES: dict[str, dict[str, _Rule]] = {
    "body": {
        "mass": _Rule(1, 1e-6, HEAVIEST, "kg", _body_mass),
        "gravcomp": _Rule(1, -10.0, 10.0, "part of its weight that is carried", _attribute("gravcomp")),
    },
    "geom": {
        "size": _Rule(3, 0.0, LARGEST, "m", _size),
        "mass": _Rule(1, 0.0, HEAVIEST, "kg", _attribute("mass")),
        "friction": _Rule(3, 0.0, 100.0, "sliding, torsional, rolling", _attribute("friction")),
        "rgba": _Rule(4, 0.0, 1.0, "red, green, blue, alpha", lambda draft, geom, values: _recolour(geom, values)),
        "contype": _Rule(1, 0.0, 2**31 - 1, "bits", _flag("contype")),
        "conaffinity": _Rule(1, 0.0, 2**31 - 1, "bits", _flag("conaffinity")),
        "condim": _Rule(1, 1.0, 6.0, "1, 3, 4 or 6", _flag("condim")),
        "solref": _Rule(2, -1e6, 1e6, "time constant, damping ratio", _attribute("solref")),
    },
    "joint": {
        "range": _Rule(2, -1e4, 1e4, "rad or m", _joint_range),
        "damping": _Rule(1, 0.0, 1e6, "Nms/rad or Ns/m", _array("damping")),
        "stiffness": _Rule(1, 0.0, 1e6, "Nm/rad or N/m", _array("stiffness")),
        "armature": _Rule(1, 0.0, 1e4, "kg m^2 or kg", _attribute("armature")),
        "frictionloss": _Rule(1, 0.0, 1e4, "Nm or N", _attribute("frictionloss")),
    },
    "option": {
        "gravity": _Rule(3, -1e3, 1e3, "m/s^2", _attribute("gravity")),
        "wind": _Rule(3, -1e3, 1e3, "m/s", _attribute("wind")),
        "density": _Rule(1, 0.0, 1e4, "kg/m^3", _attribute("density")),
        "viscosity": _Rule(1, 0.0, 1e3, "Pa s", _attribute("viscosity")),
        "impratio": _Rule(1, 1e-3, 1e4, "ratio", _attribute("impratio")),
        "iterations": _Rule(1, 1.0, 1e4, "count", _flag("iterations")),
        "timestep": _Rule(1, 1e-5, 0.05, "s", _timestep),
    },
}  # fmt: skip
"""What can be set, by kind of part."""


def _recolour(geom: Any, values: list[float]) -> None:
    geom.material = ""
    geom.rgba = values

"""Everything of a spec that carries a prefix, or refers to what does: parts of a robot, or of a model that was added as an object."""

from __future__ import annotations

import mujoco

_REFERENCES = ("target", "objname", "refname", "name1", "name2", "bodyname1", "bodyname2", "geomname1", "geomname2")


def delete_robot(spec: mujoco.MjSpec, name: str) -> None:
    """Delete a robot with everything that carries its prefix; its default classes stay, unused: MuJoCo cannot delete them."""
    prefix = f"{name}/"
    delete_references(spec, prefix)
    for body in [body for body in spec.worldbody.bodies if body.name.startswith(prefix)]:
        spec.delete(body)
    delete_assets(spec, prefix)


def delete_references(spec: mujoco.MjSpec, prefix: str) -> None:
    """Delete what is no body but belongs to bodies with the prefix; to be called before these are deleted."""
    for elements in (
        spec.sensors,
        spec.actuators,
        spec.tendons,
        spec.equalities,
        spec.excludes,
        spec.pairs,
        spec.tuples,
    ):
        for element in list(elements):
            if element.name.startswith(prefix) or _refers(element, prefix):
                spec.delete(element)


def delete_assets(spec: mujoco.MjSpec, prefix: str) -> None:
    """Delete assets with the prefix; to be called after what uses them is deleted."""
    for elements in (spec.meshes, spec.hfields, spec.materials, spec.textures, spec.numerics, spec.texts):
        for element in list(elements):
            if element.name.startswith(prefix):
                spec.delete(element)


def _refers(element: object, prefix: str) -> bool:
    return any(str(getattr(element, name, "")).startswith(prefix) for name in _REFERENCES)

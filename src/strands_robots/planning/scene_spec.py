"""A planning scene's shapes in MuJoCo's specification of a robot. No I/O."""

from __future__ import annotations

import mujoco
import numpy as np

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.pose import Pose, quaternion_of
from strands_robots.planning.planning_scene import Shape

PREFIX = "scene:"
"""Names of the scene's shapes begin with it in the compiled model, so that they never meet the robot's names."""

_EVERY_TYPE = 2**31 - 1  # bits of contype and conaffinity
_KINDS = {
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE,
    "ellipsoid": mujoco.mjtGeom.mjGEOM_ELLIPSOID,
    "plane": mujoco.mjtGeom.mjGEOM_PLANE,
    "mesh": mujoco.mjtGeom.mjGEOM_MESH,
}


def leave_out_what_touches_nothing(spec: mujoco.MjSpec) -> None:
    """Delete the shapes that are only there to be seen: MuJoCo places them too, and sorts them with the others, in every check."""
    needed = {name for pair in spec.pairs for name in (pair.geomname1, pair.geomname2)}
    needed |= {
        str(wrap.target.name)
        for tendon in spec.tendons
        for wrap in tendon.path
        if isinstance(wrap.target, mujoco.MjsGeom)
    }
    for reader in (*spec.sensors, *spec.tuples):  # They may name such a shape, and a checker reads none of them.
        spec.delete(reader)
    for body in spec.bodies[1:]:
        if not body.explicitinertial:  # its mass may be that of such a shape, and a body without mass does not compile
            body.mass, body.inertia, body.explicitinertial = 1.0, [1.0, 1.0, 1.0], True
    for geom in list(spec.geoms):
        if not geom.contype and not geom.conaffinity and geom.name not in needed:
            spec.delete(geom)


def add_shape(spec: mujoco.MjSpec, body: mujoco.MjsBody, shape: Shape, pose: Pose) -> None:
    """Add a shape to a body at a pose in its frame; raises ConfigurationError where MuJoCo cannot use it."""
    size = np.zeros(3)
    count = min(len(shape.size), 3)
    size[:count] = shape.size[:count]
    x, y, z, w = quaternion_of(pose.rotation).tolist()
    fields = {
        "name": PREFIX + shape.name,
        "type": _KINDS[shape.kind],
        "pos": pose.position.tolist(),
        "quat": [w, x, y, z],
        "mass": 0.0,
        "contype": _EVERY_TYPE,
        "conaffinity": _EVERY_TYPE,
    }
    if shape.kind == "plane":
        size[2] = 0.1
    if shape.kind == "mesh":
        assert shape.vertices is not None  # checked by the shape
        mesh = spec.add_mesh(name=PREFIX + shape.name, uservert=shape.vertices.ravel().tolist())
        mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX
        fields["meshname"] = PREFIX + shape.name
    else:
        fields["size"] = size.tolist()
    try:
        body.add_geom(**fields)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"MuJoCo cannot use shape '{shape.name}': {error}") from error

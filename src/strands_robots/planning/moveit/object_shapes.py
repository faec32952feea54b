"""Shapes of MoveIt's objects as shapes of a planning scene. No I/O.

Source: shape_msgs (common_interfaces) and github.com/moveit/geometric_shapes, shape_operations.cpp.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.pose import Pose
from strands_robots.planning.planning_scene import Shape

BOX, SPHERE, CYLINDER, CONE = 1, 2, 3, 4
"""Types of shape_msgs/SolidPrimitive that are taken; PRISM, 5, is none of MoveIt's shapes either."""

_NAMES = {BOX: "BOX (1)", SPHERE: "SPHERE (2)", CYLINDER: "CYLINDER (3)", CONE: "CONE (4)"}
_COUNTS = {BOX: 3, SPHERE: 1, CYLINDER: 2, CONE: 2}
_CORNERS = 32  # of the polygon around a cone's circle


def primitive_shape(name: str, kind: int, dimensions: Sequence[float], pose: Pose) -> Shape:
    """Return a primitive as a shape.

    Args:
        name: Name of its object.
        kind: Its type.
        dimensions: Whole lengths of a box x, y, z; radius of a sphere; height and radius of a cylinder or cone [m].
        pose: Its pose in the object's frame.

    Raises:
        ConfigurationError: If the type is not known or a dimension not valid.
    """
    if kind not in _COUNTS:
        raise ConfigurationError(f"has a primitive of type {kind}; valid: {', '.join(_NAMES.values())}")
    needed = _COUNTS[kind]
    given = [float(length) for length in dimensions[:needed]]
    if len(given) < needed or not all(np.isfinite(length) and 0.0 < length < 1e3 for length in given):
        raise ConfigurationError(
            f"has a {_NAMES[kind]} of dimensions {given}; valid: {needed} numbers above 0 and below 1000 m"
        )
    if kind == BOX:
        return Shape(name, "box", (0.5 * given[0], 0.5 * given[1], 0.5 * given[2]), pose)
    if kind == SPHERE:
        return Shape(name, "sphere", (given[0],), pose)
    height, radius = given
    if kind == CYLINDER:
        return Shape(name, "cylinder", (radius, 0.5 * height), pose)
    return Shape(name, "mesh", (), pose, _cone(height, radius))


def plane_shape(name: str, coefficients: Sequence[float], pose: Pose) -> Shape:
    """Return a plane as a shape: its normal is z.

    Args:
        name: Name of its object.
        coefficients: a, b, c, d of ax + by + cz + d = 0, in the plane's frame [m].
        pose: The plane's frame in the object's frame.

    Raises:
        ConfigurationError: If a coefficient is not finite, or the normal is zero.
    """
    a, b, c, d = (float(value) for value in coefficients)
    normal = np.array([a, b, c])
    length = float(np.linalg.norm(normal))
    if not np.isfinite([a, b, c, d]).all() or length < 1e-9:
        raise ConfigurationError(
            f"has a plane of coefficients {[a, b, c, d]}; valid: four finite numbers, the first three not all 0"
        )
    normal /= length
    return Shape(name, "plane", (0.0, 0.0), pose.at(Pose(-d / length * normal, _turn_to(normal))))


def facing(shape: Shape, pose: Pose) -> Shape:
    """Return a plane with the robot in front of it: for MoveIt it is an obstacle from both sides, here it is full behind.

    Args:
        shape: A shape; one that is no plane is returned as it is.
        pose: Its object's pose in the base frame.
    """
    if shape.kind != "plane":
        return shape
    placed = pose.at(shape.pose)
    is_behind = float(placed.rotation[:, 2] @ placed.position) > 1e-9
    flip = np.diag([1.0, -1.0, -1.0])
    return replace(shape, pose=Pose(shape.pose.position, shape.pose.rotation @ flip)) if is_behind else shape


def _turn_to(normal: FloatArray) -> FloatArray:
    """Return a rotation matrix (3, 3) whose z axis is a unit vector."""
    other = np.eye(3)[int(np.argmin(np.abs(normal)))]
    x = np.cross(other, normal)
    x /= np.linalg.norm(x)
    turn: FloatArray = np.column_stack([x, np.cross(normal, x), normal])
    return turn


def _cone(height: float, radius: float) -> FloatArray:
    """Return points (N, 3) whose hull holds a cone with its tip up [m]."""
    angles = np.linspace(0.0, 2.0 * np.pi, _CORNERS, endpoint=False)
    around = radius / np.cos(np.pi / _CORNERS)
    base = np.column_stack([around * np.cos(angles), around * np.sin(angles), np.full(_CORNERS, -0.5 * height)])
    points: FloatArray = np.vstack([base, [0.0, 0.0, 0.5 * height]])
    return points

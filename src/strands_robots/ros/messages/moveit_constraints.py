"""Limits of a tool as MoveIt's path constraints. moveit_msgs is imported when it is used.

Source: github.com/moveit/moveit2 at commit 8fcb5d2327767af3c764b1348a69a9b74c5efd18, kinematic_constraints/src/kinematic_constraint.cpp.

MoveIt limits three numbers of a turn each by itself, and has no cone. What it is told lies within what was asked for, with a little left
out towards the edge, so that a way that keeps it also keeps the limit as it is checked here.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from geometry_msgs.msg import Pose, Quaternion
from shape_msgs.msg import SolidPrimitive

from strands_robots.core.arrays import FloatArray
from strands_robots.core.pose import quaternion_of
from strands_robots.planning.outside_planner import OutsideSearch

XYZ_EULER_ANGLES, ROTATION_VECTOR = 0, 1
"""Parameterizations of OrientationConstraint."""

_FREE = float(np.pi)


def fill_path_constraints(constraints: Any, search: OutsideSearch) -> None:
    """Add what the tool of a search keeps to on the whole way; its speed is a matter of the time law.

    Args:
        constraints: moveit_msgs/Constraints.
        search: The search.
    """
    limits = search.tool
    if limits.upright:
        assert search.tool_start is not None  # given with the limits
        # A rotation vector in the base frame from the start's orientation: a tilt is no larger than its part across z.
        most = limits.upright / float(np.sqrt(2.0))
        turn = search.tool_start.rotation
        constraints.orientation_constraints.append(_orientation(search, turn, (most, most, _FREE), ROTATION_VECTOR))
    if limits.cone:
        constraints.orientation_constraints.append(
            _orientation(search, _turn_to(np.array(limits.cone_axis)), _cone_angles(limits.cone), XYZ_EULER_ANGLES)
        )
    if limits.box is not None:
        lower, upper = np.array(limits.box)
        made = _moveit().PositionConstraint(link_name=search.tool_frame, weight=1.0)
        made.header.frame_id = search.base_frame
        middle = Pose()
        middle.position.x, middle.position.y, middle.position.z = (0.5 * (lower + upper)).tolist()
        made.constraint_region.primitives = [
            SolidPrimitive(type=SolidPrimitive.BOX, dimensions=(upper - lower).tolist())
        ]
        made.constraint_region.primitive_poses = [middle]
        constraints.position_constraints.append(made)


def _orientation(
    search: OutsideSearch, turn: FloatArray, tolerances: tuple[float, float, float], parameterization: int
) -> Any:
    x, y, z, w = quaternion_of(turn).tolist()
    made = _moveit().OrientationConstraint(
        link_name=search.tool_frame,
        orientation=Quaternion(x=x, y=y, z=z, w=w),
        absolute_x_axis_tolerance=tolerances[0],
        absolute_y_axis_tolerance=tolerances[1],
        absolute_z_axis_tolerance=tolerances[2],
        parameterization=parameterization,
        weight=1.0,
    )
    made.header.frame_id = search.base_frame
    return made


def _cone_angles(cone: float) -> tuple[float, float, float]:
    """Return how far the first two Euler angles may be: the cosine of the tool's angle to the axis is the product of theirs."""
    if cone >= 0.5 * np.pi:
        return cone, 0.5 * float(np.pi), _FREE
    most = float(np.arccos(np.sqrt(np.cos(cone))))
    return most, most, _FREE


def _turn_to(axis: FloatArray) -> FloatArray:
    """Return a rotation matrix (3, 3) whose z axis has a direction."""
    z = axis / np.linalg.norm(axis)
    x = np.cross(np.eye(3)[int(np.argmin(np.abs(z)))], z)
    x /= np.linalg.norm(x)
    turn: FloatArray = np.column_stack([x, np.cross(z, x), z])
    return turn


def _moveit() -> Any:
    return importlib.import_module("moveit_msgs.msg")

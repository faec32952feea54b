"""Orientations for goals that leave them free, where the tool keeps to a cone or stays upright. No I/O."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.pose import Pose, rotation_matrix
from strands_robots.motion.ik import Orientation, PoseTarget
from strands_robots.planning.goals import PoseGoals
from strands_robots.planning.tool_limits import ToolLimits

GOAL_PART = 0.8
"""Part of an angle that is used for the orientation of a goal: the rest is for the way to it."""


def oriented(goals: PoseGoals, limits: ToolLimits, tool: Pose) -> PoseGoals:
    """Return goals in which a free orientation is one that the limits leave: a search among all others would find few of them.

    Args:
        goals: The poses, in the base frame.
        limits: What the tool keeps to.
        tool: The tool's pose at the start, in the base frame.
    """
    if not (limits.cone or limits.upright):
        return goals
    targets: list[PoseTarget] = []
    for target in goals.targets:
        if target.orientation is not Orientation.FREE:
            targets.append(target)
            continue
        axes = [np.array(limits.cone_axis)] if limits.cone else _turned_axes(tool, target.pose)
        tolerance = GOAL_PART * min(angle for angle in (limits.cone, limits.upright) if angle)
        for axis in axes:
            pose = Pose(target.pose.position, _rotation_to(axis / np.linalg.norm(axis)))
            targets.append(replace(target, pose=pose, orientation=Orientation.AXIS, orientation_tolerance=tolerance))
    return PoseGoals(tuple(targets))


def _turned_axes(tool: Pose, place: Pose) -> list[FloatArray]:
    """Return the tool's z axis turned about the vertical: by how far the place is around the base, as it is, and by eighths."""
    bearings = [np.arctan2(pose.position[1], pose.position[0]) for pose in (tool, place)]
    angles = [bearings[1] - bearings[0], 0.0, *(k * np.pi / 4.0 for k in (1, -1, 2, -2, 3, -3, 4))]
    return [rotation_matrix(np.array([0.0, 0.0, angle])) @ tool.axis for angle in angles]


def _rotation_to(axis: FloatArray) -> FloatArray:
    """Return a rotation (3, 3) whose z axis is a unit vector (3,)."""
    beside = np.array([1.0, 0.0, 0.0]) if abs(axis[0]) < 0.9 else np.array([0.0, 1.0, 0.0])
    x = np.cross(beside, axis)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(axis, x), axis], axis=1)

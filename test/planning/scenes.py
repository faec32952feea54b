"""Scenes that the tests of planning share."""

from __future__ import annotations

import numpy as np

from strands_robots.core.pose import Pose
from strands_robots.planning.planning_scene import Shape


def box(name: str, position: tuple[float, float, float], half: tuple[float, float, float]) -> Shape:
    """Return a box that is not turned."""
    return Shape(name, "box", half, Pose(np.array(position), np.eye(3)))


def wall(name: str = "wall") -> Shape:
    """Return a wall beside the SO-101: the direct way of its shoulder from one side to the other goes through it."""
    return box(name, (0.28, 0.0, 0.10), (0.12, 0.01, 0.10))

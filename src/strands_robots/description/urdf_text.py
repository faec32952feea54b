"""Numbers and poses as URDF has them. No I/O."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np

from strands_robots.core.arrays import FloatArray


def numbers_text(values: FloatArray) -> str:
    """Return numbers (N,) with spaces between them."""
    return " ".join(f"{float(value) + 0.0:.9g}" for value in values)


def write_origin(element: ElementTree.Element, position: FloatArray, turn: FloatArray) -> None:
    """Write a pose as URDF does: fixed axes, roll, pitch, yaw.

    Args:
        element: What it is the pose of.
        position: [m].
        turn: Rotation matrix (3, 3).
    """
    flat = np.hypot(turn[0, 0], turn[1, 0])
    pitch = np.arctan2(-turn[2, 0], flat)
    if flat > 1e-9:
        roll, yaw = np.arctan2(turn[2, 1], turn[2, 2]), np.arctan2(turn[1, 0], turn[0, 0])
    else:
        roll, yaw = np.arctan2(-turn[1, 2], turn[1, 1]), 0.0
    ElementTree.SubElement(
        element, "origin", xyz=numbers_text(position), rpy=numbers_text(np.array([roll, pitch, yaw]))
    )

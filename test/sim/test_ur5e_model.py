"""The UR5e's URDF against the Denavit-Hartenberg table that Universal Robots publishes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from motion.simulated import Simulated

# Universal Robots, "DH Parameters for calculations of kinematics and dynamics": a [m], d [m], alpha [rad].
TABLE = (
    (0.0, 0.1625, math.pi / 2), (-0.425, 0.0, 0.0), (-0.3922, 0.0, 0.0), (0.0, 0.1333, math.pi / 2),
    (0.0, 0.0997, -math.pi / 2), (0.0, 0.0996, 0.0),
)  # fmt: skip


def published_pose(angles: np.ndarray) -> np.ndarray:
    """Return the flange (4, 4) in base_link, which is the table's base turned by half a turn about z (REP 199)."""
    pose = np.diag([-1.0, -1.0, 1.0, 1.0])
    for angle, (a, d, alpha) in zip(angles, TABLE):
        (c, s), (ca, sa) = (math.cos(angle), math.sin(angle)), (math.cos(alpha), math.sin(alpha))
        pose = pose @ np.array(
            [[c, -s * ca, s * sa, a * c], [s, c * ca, -c * sa, a * s], [0.0, sa, ca, d], [0.0, 0.0, 0.0, 1.0]]
        )
    return pose


def test_flange_is_where_the_published_table_puts_it() -> None:
    kinematics = Simulated(robot="ur5e").kinematics.arm
    dice = np.random.default_rng(5)
    for angles in (np.zeros(6), *dice.uniform(-3.0, 3.0, (20, 6))):
        tool, wanted = kinematics.tool_pose(angles), published_pose(angles)
        assert tool.position == pytest.approx(wanted[:3, 3], abs=1e-5)
        assert tool.rotation == pytest.approx(wanted[:3, :3], abs=1e-5)

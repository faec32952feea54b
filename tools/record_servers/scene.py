"""What the recorded robot sees and feels, the same for every server: a Panda at home, and pictures that tell cameras apart.

Forward kinematics is Franka's own table, so that the project's is checked against something else.

Source: Franka Control Interface documentation, "Denavit-Hartenberg parameters" (Craig's convention), flange at 0.107 m.
"""

from __future__ import annotations

import math

import numpy as np

JOINTS = np.array([0.1, -0.685398, 0.2, -2.256194, 0.3, 1.670796, 0.885398])
"""Joint positions (7,) [rad], near the home pose but at no symmetric place."""

FINGER = 0.03
"""Position of one finger [m]; 0.04 is open."""

GRIPPER_CLOSED = 1.0 - FINGER / 0.04
"""DROID's gripper number: 0 open, 1 closed."""

TASK = "put the red block into the bowl"

_DH = ((0.0, 0.333, 0.0), (0.0, 0.0, -math.pi / 2), (0.0, 0.316, math.pi / 2), (0.0825, 0.0, math.pi / 2),
       (-0.0825, 0.384, -math.pi / 2), (0.0, 0.0, math.pi / 2), (0.088, 0.0, math.pi / 2))  # fmt: skip


def flange(joints: np.ndarray = JOINTS) -> np.ndarray:
    """Return the pose (4, 4) of panda_link8 in the base frame."""
    pose = np.eye(4)
    for (a, d, alpha), theta in zip(_DH, joints):
        ca, sa, ct, st = math.cos(alpha), math.sin(alpha), math.cos(theta), math.sin(theta)
        pose = pose @ np.array(
            [[ct, -st, 0, a], [st * ca, ct * ca, -sa, -d * sa], [st * sa, ct * sa, ca, d * ca], [0, 0, 0, 1]]
        )
    return pose @ _shift(0.107)


def hand(joints: np.ndarray = JOINTS, along: float = 0.0) -> np.ndarray:
    """Return the pose (4, 4) of panda_hand, or of a point `along` its z axis [m]: 45 degrees behind the flange."""
    turn = np.eye(4)
    c, s = math.cos(-math.pi / 4), math.sin(-math.pi / 4)
    turn[:2, :2] = [[c, -s], [s, c]]
    return flange(joints) @ turn @ _shift(along)


def picture(number: int, height: int = 480, width: int = 640) -> np.ndarray:
    """Return a camera's picture (H, W, 3) uint8: ramps that no flip or swap leaves as they are, and the camera's number in blue."""
    rows = np.linspace(10, 250, height)[:, None] * np.ones((1, width))
    columns = np.linspace(5, 200, width)[None, :] * np.ones((height, 1))
    blue = np.full((height, width), 20.0 + 40.0 * number)
    return np.stack([rows, columns, blue], axis=-1).astype(np.uint8)


def ramp(rows: int, columns: int, scale: float = 0.01) -> np.ndarray:
    """Return a stub model's answer (rows, columns) float32, every number another one."""
    return (scale * (1.0 + np.arange(columns))[None, :] + 0.001 * np.arange(rows)[:, None]).astype(np.float32)


def _shift(z: float) -> np.ndarray:
    pose = np.eye(4)
    pose[2, 3] = z
    return pose

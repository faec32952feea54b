"""Poses of a tool: position and rotation, their differences and what lies between them. No I/O."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ShapeError

UNIT_TOLERANCE = 1e-3
"""How far the norm of a quaternion may be from 1."""

AXIS = np.array([0.0, 0.0, 1.0])
"""The axis along which a tool approaches, in the tool's own frame: z points out of a gripper or flange."""


@dataclass(frozen=True)
class Pose:
    """Where a frame is in another one.

    Attributes:
        position: Origin (3,) [m].
        rotation: Rotation matrix (3, 3); its columns are the frame's axes.
    """

    position: FloatArray
    rotation: FloatArray

    def at(self, pose: Pose) -> Pose:
        """Return `pose`, given in this frame, in the frame in which this one is given."""
        return Pose(self.position + self.rotation @ pose.position, self.rotation @ pose.rotation)

    def inverse(self) -> Pose:
        """Return the pose of the outer frame in this one."""
        return Pose(-self.rotation.T @ self.position, self.rotation.T)

    @property
    def axis(self) -> FloatArray:
        """Direction (3,) of the approach axis."""
        axis: FloatArray = self.rotation @ AXIS
        return axis


def pose_from_quaternion(position: Sequence[float], quaternion: Sequence[float]) -> Pose:
    """Return a pose from numbers of an asker.

    Args:
        position: x, y, z [m].
        quaternion: x, y, z, w; norm 1 within `UNIT_TOLERANCE`.

    Raises:
        ShapeError: If a number is not finite or the quaternion is not of norm 1; the message has what was given.
    """
    p, q = np.array(position, dtype=np.float64), np.array(quaternion, dtype=np.float64)
    if not np.isfinite(p).all():
        raise ShapeError(f"position is ({_shown(p)}); valid: three finite numbers [m]")
    norm = float(np.linalg.norm(q))
    if not np.isfinite(q).all() or abs(norm - 1.0) > UNIT_TOLERANCE:
        raise ShapeError(
            f"orientation is (x, y, z, w) = ({_shown(q)}) with norm {norm:.4g}; valid: norm 1, such as (0, 0, 0, 1)"
        )
    x, y, z, w = q / norm
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    return Pose(p, rotation)


def quaternion_of(rotation: FloatArray) -> FloatArray:
    """Return the quaternion (4,), xyzw with w >= 0, of a rotation matrix (3, 3).

    Source: Bar-Itzhack 2000, "New method for extracting the quaternion from a rotation matrix".
    """
    r = rotation
    k = np.array(
        [
            [r[0, 0] - r[1, 1] - r[2, 2], r[0, 1] + r[1, 0], r[0, 2] + r[2, 0], r[2, 1] - r[1, 2]],
            [r[0, 1] + r[1, 0], r[1, 1] - r[0, 0] - r[2, 2], r[1, 2] + r[2, 1], r[0, 2] - r[2, 0]],
            [r[0, 2] + r[2, 0], r[1, 2] + r[2, 1], r[2, 2] - r[0, 0] - r[1, 1], r[1, 0] - r[0, 1]],
            [r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1], r[0, 0] + r[1, 1] + r[2, 2]],
        ]
    )
    quaternion: FloatArray = np.linalg.eigh(k / 3.0)[1][:, -1]
    return -quaternion if quaternion[3] < 0.0 else quaternion


def rotation_vector(rotation: FloatArray) -> FloatArray:
    """Return the rotation vector (3,) [rad], axis times angle up to pi, of a rotation matrix (3, 3)."""
    x, y, z, w = quaternion_of(rotation)
    v = np.array([x, y, z])
    sine = float(np.linalg.norm(v))
    if sine < 1e-12:
        return np.zeros(3)
    return v * (2.0 * math.atan2(sine, w) / sine)


def rotation_matrix(vector: FloatArray) -> FloatArray:
    """Return the rotation matrix (3, 3) of a rotation vector (3,) [rad], by Rodrigues' formula."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector / angle
    k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    matrix: FloatArray = np.eye(3) + math.sin(angle) * k + (1.0 - math.cos(angle)) * (k @ k)
    return matrix


def rotation_between(first: FloatArray, second: FloatArray) -> float:
    """Return the angle [rad], 0 to pi, between two rotation matrices (3, 3)."""
    return float(np.linalg.norm(rotation_vector(first.T @ second)))


def angle_between(first: FloatArray, second: FloatArray) -> float:
    """Return the angle [rad], 0 to pi, between two unit vectors (3,)."""
    return math.atan2(float(np.linalg.norm(np.cross(first, second))), float(first @ second))


def interpolate(first: Pose, second: Pose, fraction: float) -> Pose:
    """Return the pose at `fraction` (0 to 1) of the way: a straight line, and one rotation about a fixed axis."""
    turn = rotation_vector(first.rotation.T @ second.rotation)
    return Pose(
        first.position + fraction * (second.position - first.position),
        first.rotation @ rotation_matrix(fraction * turn),
    )


def _shown(values: FloatArray) -> str:
    return ", ".join(f"{value:g}" for value in values)

"""Rotations in the numbers that models use, both ways. No I/O.

Source of the six numbers: Zhou et al. 2019, "On the Continuity of Rotation Representations in Neural Networks".
"""

from __future__ import annotations

import math

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import PolicyError
from strands_robots.core.pose import quaternion_of, rotation_matrix, rotation_vector


def write_rotation(rotation: FloatArray, form: str) -> FloatArray:
    """Return the numbers of a rotation matrix (3, 3).

    Args:
        rotation: The rotation.
        form: One of `adapter_tool.RotationForm`; angles in rad, quaternions with w >= 0.
    """
    if form == "rotation_vector":
        return rotation_vector(rotation)
    if form == "rpy":
        return roll_pitch_yaw(rotation)
    if form == "matrix_6d":
        return np.concatenate([rotation[:, 0], rotation[:, 1]])
    if form == "matrix_6d_rows":
        return np.concatenate([rotation[0], rotation[1]])
    x, y, z, w = quaternion_of(rotation)
    return np.array([x, y, z, w] if form == "quaternion" else [w, x, y, z])


def read_rotation(numbers: FloatArray, form: str) -> FloatArray:
    """Return the rotation (3, 3) that a model's numbers mean; angles in rad.

    Raises:
        PolicyError: If they mean none: a quaternion of length 0, or parallel columns or rows.
    """
    if form in ("quaternion", "quaternion_wxyz"):
        length = float(np.linalg.norm(numbers))
        if length < 1e-6:
            raise PolicyError(f"the policy answered the quaternion {numbers.tolist()}; valid: length 1")
        x, y, z, w = (numbers if form == "quaternion" else np.roll(numbers, -1)) / length
        return np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
            ]
        )
    if form in ("matrix_6d", "matrix_6d_rows"):
        columns = _orthonormal(numbers, "columns" if form == "matrix_6d" else "rows")
        return columns if form == "matrix_6d" else columns.T
    if form == "rotation_vector":
        return rotation_matrix(numbers)
    roll, pitch, yaw = (rotation_matrix(axis * angle) for axis, angle in zip(np.eye(3), numbers))
    rotation: FloatArray = yaw @ pitch @ roll
    return rotation


def roll_pitch_yaw(rotation: FloatArray) -> FloatArray:
    """Return roll, pitch, yaw (3,) [rad] about the fixed axes x, y, z; with the pitch at 90 degrees the roll is 0."""
    pitch = math.asin(min(max(-float(rotation[2, 0]), -1.0), 1.0))
    if abs(math.cos(pitch)) < 1e-9:
        return np.array([0.0, pitch, math.atan2(-rotation[0, 1], rotation[1, 1])])
    return np.array([math.atan2(rotation[2, 1], rotation[2, 2]), pitch, math.atan2(rotation[1, 0], rotation[0, 0])])


def _orthonormal(numbers: FloatArray, what: str) -> FloatArray:
    first = numbers[:3] / max(float(np.linalg.norm(numbers[:3])), 1e-9)
    second = numbers[3:] - first * float(first @ numbers[3:])
    if float(np.linalg.norm(second)) < 1e-6:
        raise PolicyError(
            f"the policy answered a rotation of parallel {what} {numbers.tolist()}; valid: independent ones"
        )
    second = second / np.linalg.norm(second)
    return np.stack([first, second, np.cross(first, second)], axis=1)

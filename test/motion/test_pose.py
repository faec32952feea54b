"""Poses: rotations there and back, and what is no pose."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strands_robots.core.errors import ShapeError
from strands_robots.core.pose import (
    Pose,
    angle_between,
    interpolate,
    pose_from_quaternion,
    quaternion_of,
    rotation_between,
    rotation_matrix,
    rotation_vector,
)

ANGLES = st.floats(-np.pi, np.pi)
VECTORS = st.tuples(*[st.floats(-1.7, 1.7)] * 3).map(np.array)


def mujoco_matrix(quaternion: np.ndarray) -> np.ndarray:
    matrix = np.empty(9)
    mujoco.mju_quat2Mat(matrix, quaternion[[3, 0, 1, 2]])
    return matrix.reshape(3, 3)


@given(VECTORS)
def test_rotation_vector_comes_back(vector: np.ndarray) -> None:
    assert np.allclose(rotation_vector(rotation_matrix(vector)), vector, atol=1e-9)


@given(VECTORS)
def test_quaternion_agrees_with_mujoco(vector: np.ndarray) -> None:
    rotation = rotation_matrix(vector)
    quaternion = quaternion_of(rotation)
    assert np.allclose(mujoco_matrix(quaternion), rotation, atol=1e-9)
    assert np.allclose(pose_from_quaternion((0, 0, 0), quaternion).rotation, rotation, atol=1e-9)


@given(ANGLES, VECTORS)
def test_angle_of_a_turn_about_the_axis(angle: float, vector: np.ndarray) -> None:
    first = rotation_matrix(vector)
    second = first @ rotation_matrix(np.array([0.0, 0.0, angle]))
    assert rotation_between(first, second) == pytest.approx(abs(angle), abs=1e-7)
    assert angle_between(first[:, 2], second[:, 2]) == pytest.approx(0.0, abs=1e-7)


def test_half_a_turn_is_measured_as_pi() -> None:
    assert rotation_between(np.eye(3), np.diag([1.0, -1.0, -1.0])) == pytest.approx(np.pi)


@given(VECTORS, VECTORS)
def test_a_pose_in_a_pose_comes_back(vector: np.ndarray, position: np.ndarray) -> None:
    outer = Pose(position, rotation_matrix(vector))
    same = outer.inverse().at(outer)
    assert np.allclose(same.position, 0.0, atol=1e-12) and np.allclose(same.rotation, np.eye(3), atol=1e-12)


@given(VECTORS, VECTORS, st.floats(0.0, 1.0))
def test_between_two_poses_way_and_turn_are_in_proportion(a: np.ndarray, b: np.ndarray, fraction: float) -> None:
    first, second = Pose(a, rotation_matrix(a)), Pose(b, rotation_matrix(b))
    between = interpolate(first, second, fraction)
    whole = rotation_between(first.rotation, second.rotation)
    assert np.allclose(between.position, a + fraction * (b - a))
    assert rotation_between(first.rotation, between.rotation) == pytest.approx(fraction * whole, abs=1e-6)


@pytest.mark.parametrize("quaternion", [(0, 0, 0, 0), (0, 0, 0, 1.01), (1, 1, 0, 0), (0, 0, float("nan"), 1)])
def test_a_quaternion_of_another_norm_is_refused(quaternion: tuple[float, ...]) -> None:
    with pytest.raises(ShapeError, match=r"orientation is .* valid: norm 1"):
        pose_from_quaternion((0, 0, 0), quaternion)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_position_that_is_not_finite_is_refused(bad: float) -> None:
    with pytest.raises(ShapeError, match="valid: three finite numbers"):
        pose_from_quaternion((0.0, bad, 0.0), (0, 0, 0, 1))

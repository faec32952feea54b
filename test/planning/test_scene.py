"""What a planning scene takes, refuses and calls changed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.pose import Pose
from strands_robots.planning.planning_scene import MOST_SHAPES, PlanningScene, Shape, cloud_shapes

from .scenes import box, wall


def moved(shape: Shape, by: float) -> Shape:
    return dataclasses.replace(shape, pose=Pose(shape.pose.position + np.array([by, 0.0, 0.0]), shape.pose.rotation))


def test_the_version_is_that_of_the_content_not_of_its_order() -> None:
    first, second = wall("a"), box("b", (1.0, 0.0, 0.0), (0.1, 0.1, 0.1))
    assert PlanningScene((first, second)).version == PlanningScene((second, first)).version
    assert PlanningScene((first,)).version != PlanningScene((moved(first, 0.01),)).version
    assert PlanningScene((first,)).version != PlanningScene((first,), clearance=0.01).version


def test_a_change_is_said_in_words_and_noise_is_none() -> None:
    before = PlanningScene((wall(), box("cup", (0.3, 0.2, 0.0), (0.03, 0.03, 0.05))))
    assert PlanningScene((moved(wall(), 1e-4), before.shapes[1])).change_from(before) == ""
    assert "'wall' has moved by 20.0 mm" in PlanningScene((moved(wall(), 0.02), before.shapes[1])).change_from(before)
    assert "'cup' is gone" in PlanningScene((wall(),)).change_from(before)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Shape("x", "blob", (1.0,), Pose(np.zeros(3), np.eye(3))), "valid: box, capsule"),
        (lambda: box("x", (0.0, 0.0, 0.0), (0.1, -0.1, 0.1)), "valid: 3 numbers above 0"),
        (lambda: box("x", (np.nan, 0.0, 0.0), (0.1, 0.1, 0.1)), "not finite"),
        (lambda: Shape("m", "mesh", (), Pose(np.zeros(3), np.eye(3)), np.zeros((3, 3))), "N >= 4"),
        (lambda: Shape("m", "mesh", (), Pose(np.zeros(3), np.eye(3)), np.eye(3)[[0, 1, 2, 0]]), "lie in one plane"),
        (lambda: PlanningScene((wall(), wall())), "each name once"),
        (lambda: PlanningScene((), clearance=0.5), "valid: 0 to 0.1"),
        (lambda: cloud_shapes(np.zeros((1, 3)), 1e-5), "valid: 0.002 to 0.2"),
        (lambda: cloud_shapes(np.random.default_rng(0).uniform(-9, 9, (2 * MOST_SHAPES, 3)), 0.002), "a larger voxel"),
    ],
)  # fmt: skip
def test_what_is_not_valid_is_refused_with_what_is(make, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words.replace(".", r"\.")):
        make()


def test_a_cloud_becomes_the_cubes_that_its_points_lie_in() -> None:
    points = np.array([[0.001, 0.001, 0.001], [0.009, 0.009, 0.009], [0.011, 0.0, 0.0], [np.nan, 0.0, 0.0]])
    shapes = cloud_shapes(points, 0.01)
    assert [shape.pose.position.round(6).tolist() for shape in shapes] == [[0.005, 0.005, 0.005], [0.015, 0.005, 0.005]]

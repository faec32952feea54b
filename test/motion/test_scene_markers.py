"""What planners know of a robot's surroundings, as markers."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy")
from visualization_msgs.msg import Marker

from strands_robots.core.pose import Pose
from strands_robots.nodes.motion.scene_markers import scene_markers
from strands_robots.planning.planning_scene import AttachedShape, Shape, cloud_shapes
from strands_robots.planning.surroundings import Surroundings

HERE = Pose(np.array([0.1, 0.2, 0.3]), np.eye(3))


def markers(*shapes: Shape) -> list[Marker]:
    return scene_markers(Surroundings(shapes), "so101", "base_link")


@pytest.mark.parametrize(
    ("kind", "size", "drawn", "lengths"),
    [
        ("box", (0.1, 0.2, 0.3), Marker.CUBE, (0.2, 0.4, 0.6)),
        ("sphere", (0.1,), Marker.SPHERE, (0.2, 0.2, 0.2)),
        ("ellipsoid", (0.1, 0.2, 0.3), Marker.SPHERE, (0.2, 0.4, 0.6)),
        ("cylinder", (0.1, 0.4), Marker.CYLINDER, (0.2, 0.2, 0.8)),
        ("capsule", (0.1, 0.4), Marker.CYLINDER, (0.2, 0.2, 1.0)),
        ("plane", (0.5, 0.6), Marker.CUBE, (1.0, 1.2, 0.001)),
        ("plane", (0.0, 0.0), Marker.CUBE, (10.0, 10.0, 0.001)),
    ],
)
def test_each_kind_of_shape_is_as_large_as_it_is(
    kind: str, size: tuple[float, ...], drawn: int, lengths: tuple[float, float, float]
) -> None:
    (marker,) = markers(Shape("one", kind, size, HERE))
    assert marker.type == drawn and marker.header.frame_id == "so101/base_link"
    assert (marker.scale.x, marker.scale.y, marker.scale.z) == pytest.approx(lengths)
    assert (marker.pose.position.x, marker.pose.position.y, marker.pose.position.z) == pytest.approx((0.1, 0.2, 0.3))


def test_a_mesh_is_drawn_as_the_hull_that_is_the_obstacle() -> None:
    corners = np.array([[x, y, z] for x in (0.0, 1.0) for y in (0.0, 1.0) for z in (0.0, 1.0)])
    (marker,) = markers(Shape("cup", "mesh", (), HERE, np.vstack([corners, [[0.5, 0.5, 0.5]]])))
    points = np.array([[point.x, point.y, point.z] for point in marker.points])
    assert marker.type == Marker.TRIANGLE_LIST and len(points) == 3 * 12
    assert {tuple(row) for row in points.tolist()} == {tuple(row) for row in corners.tolist()}


def test_the_cubes_of_a_cloud_are_one_marker() -> None:
    rows = np.random.default_rng(0).uniform(-0.5, 0.5, (5000, 3))
    cubes = cloud_shapes(rows, 0.02)
    wall, cloud, post = markers(
        Shape("wall", "box", (0.1, 0.2, 0.3), HERE), *cubes, Shape("post", "cylinder", (0.1, 0.4), HERE)
    )
    assert (wall.type, cloud.type, post.type) == (Marker.CUBE, Marker.CUBE_LIST, Marker.CYLINDER)
    assert len(cloud.points) == len(cubes) and cloud.scale.x == pytest.approx(0.02)
    assert (cloud.points[0].x, cloud.points[0].y) == pytest.approx(tuple(cubes[0].pose.position[:2]))
    assert cloud.pose.orientation.w == 1.0 and cloud.pose.position.x == 0.0


def test_what_is_held_moves_with_its_link() -> None:
    held = AttachedShape(Shape("pen", "cylinder", (0.01, 0.1), HERE), "gripper_link")
    (marker,) = scene_markers(Surroundings(attached=(held,)), "so101", "base_link")
    assert marker.header.frame_id == "so101/gripper_link" and marker.pose.position.x == pytest.approx(0.1)

"""planning/scene_markers: what planners are told of the surroundings of each robot, for RViz, Foxglove and the console."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import numpy as np
from geometry_msgs.msg import Point
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from strands_robots.core.arrays import FloatArray
from strands_robots.core.pose import quaternion_of
from strands_robots.planning.planning_scene import Shape
from strands_robots.planning.surroundings import Surroundings
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.geometry import to_pose, to_vector

PERIOD = 0.5
"""Shortest time between two drawings [s]."""

_AROUND = (0.85, 0.55, 0.2, 0.55)
_HELD = (0.95, 0.8, 0.2, 0.7)
_PLANE_HEIGHT = 0.001  # [m]; a plane is drawn as a flat box


class SceneMarkers:
    """Publisher of planning/scene_markers; draws only while there is a subscriber. For the executor's thread.

    Args:
        node: The node; its namespace is the graph's.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._publisher = node.create_publisher(MarkerArray, "planning/scene_markers", qos.DESCRIPTION)
        self._known: dict[str, tuple[str, tuple[Surroundings, ...]]] = {}
        self._is_new = False
        self._timer: object = None

    def show(self, robot: str, base_frame: str, parts: Iterable[Surroundings]) -> None:
        """Draw what the robot's sources say now, in place of what they said before.

        Args:
            robot: The robot.
            base_frame: Its base frame.
            parts: What each source says; nothing of one whose last message was not valid.
        """
        self._known[robot] = base_frame, tuple(parts)
        self._is_new = True
        if self._timer is None:  # A graph without such sources does not wake for them.
            self._timer = self._node.create_timer(PERIOD, self._draw, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _draw(self) -> None:
        if not self._is_new or not self._publisher.get_subscription_count():
            return
        self._is_new = False
        every = [Marker(action=Marker.DELETEALL)]
        for robot, (base_frame, parts) in self._known.items():
            markers = [marker for part in parts for marker in scene_markers(part, robot, base_frame)]
            for number, marker in enumerate(markers):
                marker.ns, marker.id = robot, number
            every += markers
        self._publisher.publish(MarkerArray(markers=every))


def scene_markers(around: Surroundings, robot: str, base_frame: str) -> list[Marker]:
    """Return surroundings as markers: what the robot holds in the frame of its link, the rest in the frame of its base.

    Cubes of one size that follow each other, as those of a cloud, are one marker. A capsule is drawn as the cylinder around it.

    Args:
        around: The surroundings.
        robot: The robot's name; its frames are "<robot>/<link>".
        base_frame: The link at its base.
    """
    frame = f"{robot}/{base_frame}"
    markers: list[Marker] = []
    for cube, group in groupby(around.shapes, _cube):
        shapes = list(group)
        if cube is not None and len(shapes) > 1:
            markers.append(_cubes(frame, cube, shapes))
        else:
            markers += [_marker(frame, shape, _AROUND) for shape in shapes]
    return markers + [_marker(f"{robot}/{held.link}", held.shape, _HELD) for held in around.attached]


def _cube(shape: Shape) -> float | None:
    """Return the half edge of a cube that stands as the base frame does [m]; None for another shape."""
    if shape.kind != "box" or len(set(shape.size[:3])) > 1 or not np.array_equal(shape.pose.rotation, np.eye(3)):
        return None
    return float(shape.size[0])


def _cubes(frame: str, half: float, shapes: list[Shape]) -> Marker:
    marker = coloured_marker(Marker.CUBE_LIST, np.full(3, 2.0 * half), _AROUND)
    marker.header.frame_id = frame
    marker.points = _points(np.array([shape.pose.position for shape in shapes]))
    return marker


def _marker(frame: str, shape: Shape, rgba: tuple[float, float, float, float]) -> Marker:
    kind, scale, corners = _drawn(shape)
    marker = coloured_marker(kind, scale, rgba)
    marker.header.frame_id = frame
    marker.pose = to_pose(shape.pose.position, quaternion_of(shape.pose.rotation))
    if corners is not None:
        marker.points = _points(corners)
    return marker


def _drawn(shape: Shape) -> tuple[int, FloatArray, FloatArray | None]:
    """Return the marker's type, its full lengths (3,) [m], and the corners of its triangles (3 N, 3) [m] where it has some."""
    size = np.array(shape.size, dtype=np.float64)
    if shape.kind == "mesh":
        return Marker.TRIANGLE_LIST, np.ones(3), _hull(shape)
    if shape.kind == "sphere":
        return Marker.SPHERE, np.full(3, 2.0 * size[0]), None
    if shape.kind == "ellipsoid":
        return Marker.SPHERE, 2.0 * size[:3], None
    if shape.kind in ("cylinder", "capsule"):
        ends = size[0] if shape.kind == "capsule" else 0.0
        return Marker.CYLINDER, 2.0 * np.array([size[0], size[0], size[1] + ends]), None
    if shape.kind == "plane":
        return Marker.CUBE, np.array([2.0 * size[0] or 10.0, 2.0 * size[1] or 10.0, _PLANE_HEIGHT]), None
    return Marker.CUBE, 2.0 * size[:3], None


def _hull(shape: Shape) -> FloatArray:
    """Return the corners of the triangles of a mesh's convex hull, which is the obstacle."""
    from scipy.spatial import ConvexHull  # Only a source with meshes needs it.

    vertices = shape.vertices
    assert vertices is not None  # a mesh has vertices
    return np.asarray(vertices[ConvexHull(vertices).simplices.ravel()], dtype=np.float64)


def _points(rows: FloatArray) -> list[Point]:
    return [Point(x=x, y=y, z=z) for x, y, z in rows.tolist()]


def coloured_marker(kind: int, scale: FloatArray, rgba: tuple[float, float, float, float]) -> Marker:
    """Return a marker of a type with full lengths (3,) [m] and a colour, 0 to 1, in no place yet."""
    red, green, blue, alpha = rgba
    marker = Marker(
        type=kind, action=Marker.ADD, scale=to_vector(scale), color=ColorRGBA(r=red, g=green, b=blue, a=alpha)
    )
    marker.pose.orientation.w = 1.0
    return marker

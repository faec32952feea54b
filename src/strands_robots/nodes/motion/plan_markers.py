"""planning/markers: the last plan of each robot for RViz and Foxglove, as a line of the tool and a ghost of the robot at the end."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from geometry_msgs.msg import Point
from rclpy.node import Node
from visualization_msgs.msg import Marker, MarkerArray

from strands_robots.core.arrays import FloatArray
from strands_robots.core.pose import Pose, quaternion_of
from strands_robots.motion.arm import Arm
from strands_robots.motion.planner import PlannedMove
from strands_robots.motion.task import RobotKinematics
from strands_robots.nodes.motion.scene_markers import coloured_marker
from strands_robots.planning.plan import Plan
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.geometry import to_point, to_pose

LINE_POINTS = 64
"""Places of the tool that the line goes through."""

LINE_WIDTH = 0.004
"""Width of the line [m]."""

MOST_TRIANGLES = 4000
"""A mesh of more is drawn as the box around it."""

_GHOST = (0.2, 0.8, 1.0, 0.45)
_LINE = (1.0, 0.6, 0.1, 1.0)
_Kind = mujoco.mjtGeom


@dataclass(frozen=True, eq=False)
class _GhostShape:
    """A shape of the robot: its number in the model, how it is drawn, and its middle in the shape's frame (3,) [m]."""

    geom: int
    marker: Marker
    offset: FloatArray


@dataclass(frozen=True, eq=False)
class _Way:
    """What one robot does in a plan: its own path, from where all of its joints (D,) start [rad] or [m]."""

    robot: RobotKinematics
    move: PlannedMove
    start: FloatArray


class PlanMarkers:
    """Publisher of planning/markers.

    Args:
        node: The node; its namespace is the graph's.
    """

    def __init__(self, node: Node) -> None:
        self._publisher = node.create_publisher(MarkerArray, "planning/markers", qos.DESCRIPTION)
        self._lock = threading.Lock()
        self._arms: dict[str, tuple[RobotKinematics, Arm, list[_GhostShape]]] = {}
        self._shown: dict[str, list[Marker]] = {}

    def tool_points(self, robots: Sequence[RobotKinematics], plan: Plan) -> FloatArray:
        """Return the places of the robots' tools (N, 3) at the plan's way points [m], one robot after the other; none without tool."""
        with self._lock:
            found = [_tool_points(self._arm(way.robot)[0], way, way.move.path.points) for way in _ways(robots, plan)]
        return np.concatenate(found)

    def show(self, robots: Sequence[RobotKinematics], plan: Plan) -> None:
        """Draw a plan in place of its robots' last ones; what other robots have planned stays. Not for the executor's thread."""
        with self._lock:
            for way in _ways(robots, plan):
                robot, law = way.robot, way.move.timed
                arm, shapes = self._arm(robot)
                assert law is not None  # a plan has a time law
                rows = law.at(np.linspace(0.0, plan.duration, LINE_POINTS, dtype=np.float64))
                markers = [_line(robot.name, _tool_points(arm, way, rows)), *_ghost(arm, way, shapes)]
                for number, marker in enumerate(markers):
                    marker.header.frame_id, marker.id = f"{robot.name}/{robot.config.base_frame}", number
                self._shown[robot.name] = markers
            every = [marker for shown in self._shown.values() for marker in shown]
        self._publisher.publish(MarkerArray(markers=[Marker(action=Marker.DELETEALL), *every]))

    def _arm(self, robot: RobotKinematics) -> tuple[Arm, list[_GhostShape]]:
        """Return an arm of our own, because the robot's belongs to the thread of its goal, and its shapes."""
        known = self._arms.get(robot.name)
        if known is None or known[0] is not robot:
            arm = Arm(robot.config, robot.name, avoid_ground=False)
            shapes = [_ghost_shape(arm.model, geom, f"{robot.name} end") for geom in arm.collision_geoms()]
            known = self._arms[robot.name] = robot, arm, shapes
        return known[1], known[2]


def _ways(robots: Sequence[RobotKinematics], plan: Plan) -> list[_Way]:
    if not plan.robots:
        return [_Way(robot, plan.move(robot.limits), plan.start) for robot in robots]
    limits = {robot.name: robot.limits for robot in robots}
    return [_Way(robot, plan.part(robot.name, limits), plan.start_of(robot.name, limits)) for robot in robots]


def _positions(way: _Way, row: FloatArray) -> FloatArray:
    position = way.start.copy()
    position[list(way.move.columns)] = row
    return position


def _tool_points(arm: Arm, way: _Way, rows: FloatArray) -> FloatArray:
    if arm.tool is None:
        return np.empty((0, 3))
    return np.array([arm.tool_pose(_positions(way, row)).position for row in rows])


def _line(robot: str, points: FloatArray) -> Marker:
    marker = _marker(f"{robot} tool", Marker.LINE_STRIP, _LINE, np.array([LINE_WIDTH, 0.0, 0.0]))
    marker.points = [to_point(point) for point in points]
    return marker


def _ghost(arm: Arm, way: _Way, shapes: list[_GhostShape]) -> list[Marker]:
    """Return the robot's shapes at the plan's end."""
    end = _positions(way, way.move.end)
    for shape in shapes:
        pose = arm.geom_pose(end, shape.geom).at(Pose(shape.offset, np.eye(3)))
        shape.marker.pose = to_pose(pose.position, quaternion_of(pose.rotation))
    return [shape.marker for shape in shapes]


def _ghost_shape(model: mujoco.MjModel, geom: int, name: str) -> _GhostShape:
    kind, size, middle = int(model.geom_type[geom]), model.geom_size[geom], np.zeros(3)
    if kind == int(_Kind.mjGEOM_SPHERE):
        return _GhostShape(geom, _marker(name, Marker.SPHERE, _GHOST, np.full(3, 2.0 * size[0])), middle)
    if kind == int(_Kind.mjGEOM_ELLIPSOID):
        return _GhostShape(geom, _marker(name, Marker.SPHERE, _GHOST, 2.0 * size), middle)
    if kind in (int(_Kind.mjGEOM_CYLINDER), int(_Kind.mjGEOM_CAPSULE)):
        ends = size[0] if kind == int(_Kind.mjGEOM_CAPSULE) else 0.0
        scale = np.array([2.0 * size[0], 2.0 * size[0], 2.0 * (size[1] + ends)])
        return _GhostShape(geom, _marker(name, Marker.CYLINDER, _GHOST, scale), middle)
    if kind == int(_Kind.mjGEOM_MESH):
        mesh = int(model.geom_dataid[geom])
        first, count = int(model.mesh_faceadr[mesh]), int(model.mesh_facenum[mesh])
        if count <= MOST_TRIANGLES:
            corners = int(model.mesh_vertadr[mesh]) + model.mesh_face[first : first + count].ravel()
            marker = _marker(name, Marker.TRIANGLE_LIST, _GHOST, np.ones(3))
            marker.points = [Point(x=x, y=y, z=z) for x, y, z in model.mesh_vert[corners].astype(float).tolist()]
            return _GhostShape(geom, marker, middle)
    box = model.geom_aabb[geom]
    return _GhostShape(geom, _marker(name, Marker.CUBE, _GHOST, 2.0 * box[3:]), box[:3].copy())


def _marker(name: str, kind: int, rgba: tuple[float, float, float, float], scale: FloatArray) -> Marker:
    marker = coloured_marker(kind, scale, rgba)
    marker.ns = name
    return marker

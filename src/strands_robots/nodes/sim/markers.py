"""world/markers: the surroundings and objects of a simulated world, so that RViz shows them without any file of ours."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import Point
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from strands_robots.core.arrays import FloatArray
from strands_robots.core.work_queue import WorkQueue
from strands_robots.ros.calls.publishers import create_publisher
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.geometry import to_pose, to_vector
from strands_robots.ros.messages.stamps import fill_time
from strands_robots.sim.render.views import quaternion_of
from strands_robots.sim.run.runtime import SimRuntime
from strands_robots.sim.scene.rendered_shapes import DrawnKind, DrawnShape, SceneShapes
from strands_robots.sim.world.world import World

PERIOD = 0.1
"""Time between two looks at what has moved [s, steady time]."""

IDLE_PERIOD = 0.5
"""Time between two looks for a subscriber while there is none [s, steady time]."""

FRAME = "world"

_MOVED = 1e-4  # [m], and in entries of rotation matrices
_KINDS = {
    DrawnKind.BOX: Marker.CUBE,
    DrawnKind.ELLIPSOID: Marker.SPHERE,
    DrawnKind.CYLINDER: Marker.CYLINDER,
    DrawnKind.TRIANGLES: Marker.TRIANGLE_LIST,
}


class SceneMarkers:
    """Publisher of world/markers: everything when a subscriber joins or the world was changed, then what has moved.

    Nothing is read or published while there is no subscriber. Poses are read between two steps; a thread of its own does the rest.

    Args:
        node: The node; its namespace is the graph's.
        runtime: The running world.
        world: The world that it runs.
    """

    def __init__(self, node: Node, runtime: SimRuntime, world: World) -> None:
        self._runtime = runtime
        self._world = world
        self._publisher = create_publisher(node, MarkerArray, "world/markers", qos.DESCRIPTION)
        self._worker = WorkQueue("markers")
        self._readers = 0
        self._generation = -1
        self._shapes: SceneShapes
        self._markers: list[Marker] = []
        self._shown: tuple[FloatArray, FloatArray]
        self._is_busy = False
        self._is_new = False
        self._timer = node.create_timer(IDLE_PERIOD, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def stop(self) -> None:
        """Publish nothing more."""
        self._worker.stop()

    def _look(self) -> None:
        readers, before = self._publisher.get_subscription_count(), self._readers
        self._readers = readers
        if bool(readers) != bool(before):
            self._timer.timer_period_ns = round(1e9 * (PERIOD if readers else IDLE_PERIOD))
        self._is_new |= readers > before
        if not readers or self._is_busy:
            return
        self._is_busy = True
        self._worker.then(self._runtime.call(self._read), self._publish).add_done_callback(lambda _: self._rest())

    def _rest(self) -> None:
        self._is_busy = False

    def _read(self) -> tuple[float, SceneShapes, FloatArray, FloatArray]:
        """Return the time and where everything is; in the physics thread."""
        world = self._world
        if world.generation != self._generation:
            self._generation, self._is_new = world.generation, True
            self._shapes = SceneShapes(world.model, world.robots)
        return world.time, self._shapes, *self._shapes.poses(world.data)

    def _publish(self, read: tuple[float, SceneShapes, FloatArray, FloatArray]) -> None:
        stamp, shapes, positions, rotations = read
        if self._is_new:
            self._is_new = False
            self._markers = [_marker(shape) for shape in shapes.shapes]
            chosen = range(len(self._markers))
        else:
            moved = np.abs(positions - self._shown[0]).max(axis=1, initial=0.0) > _MOVED
            moved |= np.abs(rotations - self._shown[1]).max(axis=(1, 2), initial=0.0) > _MOVED
            chosen = np.flatnonzero(moved & shapes.is_moving).tolist()
            if not chosen:
                return
        self._shown = positions, rotations
        for i in chosen:
            marker = self._markers[i]
            marker.pose = to_pose(positions[i], quaternion_of(rotations[i]))
            fill_time(marker.header.stamp, stamp)
        clear = [Marker(action=Marker.DELETEALL)] if len(chosen) == len(self._markers) else []
        self._publisher.publish(MarkerArray(markers=[*clear, *(self._markers[i] for i in chosen)]))


def _marker(shape: DrawnShape) -> Marker:
    red, green, blue, alpha = shape.rgba.tolist()
    color = ColorRGBA(r=red, g=green, b=blue, a=alpha)
    marker = Marker(
        ns=shape.entity, id=shape.number, type=_KINDS[shape.kind], action=Marker.ADD, scale=to_vector(shape.size), color=color,
        points=[Point(x=x, y=y, z=z) for x, y, z in shape.points.tolist()],
    )  # fmt: skip
    marker.header.frame_id = FRAME
    return marker

"""Planning scenes, options and plans <-> their messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sensor_msgs.msg import PointCloud2, PointField

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError, MotionError
from strands_robots.core.pose import Pose, pose_from_quaternion
from strands_robots.core.text import printable
from strands_robots.motion.move_to import positive
from strands_robots.msg import MotionPlan, PlanningOptions, PlanningScene, PlanningShape
from strands_robots.planning.default_clearance import DEFAULT_CLEARANCES
from strands_robots.planning.octree import octree_shapes
from strands_robots.planning.plan import Plan
from strands_robots.planning.planner import ITERATIONS
from strands_robots.planning.planning_scene import (
    LARGEST_CLEARANCE,
    MOST_SHAPES,
    AttachedShape,
    Shape,
    cloud_shapes,
)
from strands_robots.planning.surroundings import Surroundings
from strands_robots.planning.tool_limits import ToolLimits, box_of
from strands_robots.ros.messages.geometry import quadruple, to_point, triple

DEFAULT_VOXEL = 0.02
"""Edge of the cubes of a point cloud, taken where none is given [m]."""

CLOUD = "cloud"
"""Object that the cubes of a point cloud belong to."""

SENSED_CLOUD = "planning_cloud"
"""The same of a cloud that a sensor publishes by itself."""

OCTOMAP = "octomap"
"""Object that the cubes of an octree belong to."""

_AXES = ("x", "y", "z")


def surroundings_from_msg(message: PlanningScene, frames: Sequence[str]) -> Surroundings:
    """Return what a message says that stands around a robot.

    Args:
        message: The message.
        frames: Valid frames, those of the robot's base.

    Raises:
        ConfigurationError: If something is not valid; the message says what is.
    """
    _check_frame("the scene", message.header.frame_id, frames)
    if len(message.shapes) > MOST_SHAPES:
        raise ConfigurationError(f"the scene has {len(message.shapes)} shapes; valid: up to {MOST_SHAPES}")
    if len(message.may_touch_first) != len(message.may_touch_second):
        raise ConfigurationError(
            f"may_touch_first has {len(message.may_touch_first)} names and may_touch_second {len(message.may_touch_second)}; "
            "valid: as many"
        )
    given = [(entry.link, _shape(entry)) for entry in message.shapes]
    shapes = [shape for link, shape in given if not link]
    cubes = cloud_shapes(_points(message.cloud), message.voxel or DEFAULT_VOXEL, CLOUD) if message.cloud.data else ()
    return Surroundings(
        (*shapes, *cubes),
        {CLOUD: tuple(cube.name for cube in cubes)} if cubes else {},
        tuple(AttachedShape(shape, link) for link, shape in given if link),
        tuple(zip(message.may_touch_first, message.may_touch_second)),
    )


def surroundings_from_cloud(message: PointCloud2, frames: Sequence[str], voxel: float = DEFAULT_VOXEL) -> Surroundings:
    """Return what a point cloud says that stands around a robot: one object of cubes.

    Args:
        message: The cloud.
        frames: Valid frames, those of the robot's base.
        voxel: Edge of the cubes [m].

    Raises:
        ConfigurationError: If something is not valid; the message says what is.
    """
    _check_frame("the cloud", message.header.frame_id, frames)
    cubes = cloud_shapes(_points(message), voxel, SENSED_CLOUD) if message.data else ()
    return _one_object(SENSED_CLOUD, cubes)


def surroundings_from_octomap(message: Any, frames: Sequence[str]) -> Surroundings:
    """Return what an octree says that stands around a robot: one object of its occupied cubes; what is unknown is free.

    Args:
        message: octomap_msgs/Octomap.
        frames: Valid frames, those of the robot's base.

    Raises:
        ConfigurationError: If something is not valid; the message says what is.
    """
    _check_frame("the octree", message.header.frame_id, frames)
    data = np.array(message.data, dtype=np.int8).tobytes()
    here = Pose(np.zeros(3), np.eye(3))
    cubes = octree_shapes(message.id, data, message.resolution, here, is_binary=message.binary, name=OCTOMAP)
    return _one_object(OCTOMAP, cubes)


def checked_options(options: PlanningOptions) -> tuple[int, tuple[float, ...], ToolLimits]:
    """Return iterations, clearances to try [m] and what the tool keeps to.

    Raises:
        MotionError: If a value is not valid; the message says what is.
    """
    if options.on_change not in (PlanningOptions.STOP, PlanningOptions.REPLAN):
        raise MotionError("invalid_goal", f"on_change is {options.on_change}; valid: 0 (STOP), 1 (REPLAN)")
    clearance = positive("clearance", options.clearance, DEFAULT_CLEARANCES[0], LARGEST_CLEARANCE)
    clearances = (clearance,) if options.clearance else DEFAULT_CLEARANCES
    if len(options.box) == 1:
        raise MotionError("invalid_goal", "box has 1 corner; valid: two opposite ones, or none")
    axis = options.cone_axis
    limits = ToolLimits(
        float(options.upright),
        float(options.cone),
        (axis.x, axis.y, axis.z),
        box_of(*((corner.x, corner.y, corner.z) for corner in options.box)) if options.box else None,
        float(options.tool_speed),
    )
    return options.iterations or ITERATIONS, clearances, limits


def plan_to_msg(plan: Plan, tool_points: FloatArray) -> MotionPlan:
    """Return a plan as a message.

    Args:
        plan: The plan.
        tool_points: Places of the tool at its way points (N, 3) [m]; none for a robot without tool; of several one after the other.
    """
    move_times = np.interp(plan.knots, plan.parameters, plan.times)
    return MotionPlan(
        digest=plan.digest,
        robot=plan.robot,
        robots=list(plan.robots),
        planner=plan.planner,
        scene_version=plan.scene_version,
        held=list(plan.attached),
        joint_names=list(plan.joint_names),
        way_points=plan.way_points.ravel().tolist(),
        times=move_times.tolist(),
        time_law=plan.time_law,
        duration=plan.duration,
        length=plan.length,
        direct_length=plan.direct_length,
        check_step=plan.check_step,
        clearance=plan.clearance,
        fraction=plan.fraction,
        tool_speed=plan.tool_speed,
        planning_time=plan.planning_time,
        tool_points=[to_point(point) for point in tool_points],
    )


def _shape(message: PlanningShape) -> Shape:
    pose = pose_from_quaternion(triple(message.pose.position), quadruple(message.pose.orientation))
    vertices = None
    if message.kind == "mesh":
        if len(message.vertices) % 3:
            raise ConfigurationError(
                f"mesh '{printable(message.name)}' has {len(message.vertices)} numbers in vertices; valid: three a point"
            )
        vertices = np.array(message.vertices, dtype=np.float64).reshape(-1, 3)
    return Shape(message.name, message.kind, tuple(message.size), pose, vertices)


def _one_object(name: str, cubes: tuple[Shape, ...]) -> Surroundings:
    return Surroundings(cubes, {name: tuple(cube.name for cube in cubes)} if cubes else {})


def _check_frame(what: str, frame: str, frames: Sequence[str]) -> None:
    if frame not in frames:
        valid = ", ".join(f"'{name}'" for name in frames)
        raise ConfigurationError(f"{what} is in frame '{printable(frame)}'; valid: {valid}")


def _points(cloud: PointCloud2) -> FloatArray:
    """Return the points (N, 3) of a cloud [m].

    Raises:
        ConfigurationError: If it has no float32 fields x, y, z, or fewer bytes than it says.
    """
    fields = {
        entry.name: entry for entry in cloud.fields if entry.datatype == PointField.FLOAT32 and entry.count in (0, 1)
    }
    count = cloud.width * cloud.height
    data = np.frombuffer(bytes(cloud.data), dtype=np.uint8)
    is_long = (
        cloud.height and cloud.row_step == cloud.width * cloud.point_step and len(data) >= cloud.height * cloud.row_step
    )
    if not set(_AXES) <= set(fields) or not is_long or any(fields[a].offset + 4 > cloud.point_step for a in _AXES):
        names = ", ".join(entry.name for entry in cloud.fields) or "none"
        raise ConfigurationError(
            f"the cloud has fields {printable(names)}, {count} points of {cloud.point_step} bytes and {len(data)} bytes; "
            "valid: float32 fields x, y, z, rows without gaps and as many bytes as points"
        )
    rows = data[: count * cloud.point_step].reshape(count, cloud.point_step)
    kind = ">f4" if cloud.is_bigendian else "<f4"
    columns = [np.ascontiguousarray(rows[:, fields[a].offset : fields[a].offset + 4]).view(kind).ravel() for a in _AXES]
    points: FloatArray = np.stack(columns, axis=1).astype(np.float64)
    return points


def options_are_empty(options: PlanningOptions) -> bool:
    """Return whether nothing is asked for beside a planner."""
    empty = PlanningOptions(planner=options.planner)
    fields: dict[str, Any] = options.get_fields_and_field_types()
    return all(getattr(options, name) == getattr(empty, name) for name in fields)

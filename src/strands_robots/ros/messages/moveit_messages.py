"""Goals of MoveIt's MoveGroup action and their results <-> a search of the core. moveit_msgs is imported when it is used.

Source: github.com/moveit/moveit_msgs, branch ros2, at commit ec3ba4bfa2ec37df576bcf7a087e5a4ab88d79a4.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from geometry_msgs.msg import Point, Pose
from shape_msgs.msg import Mesh, MeshTriangle, Plane, SolidPrimitive

from strands_robots.core import pose as core
from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.core.pose import quaternion_of
from strands_robots.planning.outside_planner import OutsideSearch
from strands_robots.planning.pick.surface import surface_of
from strands_robots.planning.planning_scene import Shape
from strands_robots.ros.messages.moveit_constraints import fill_path_constraints

GROUP = "arm"
"""Group of the joints between base and tool, in the SRDF of `strands-robots moveit-config`."""

PLANNING_TIME = 5.0
"""Longest search of move_group [s, its clock]."""

TOLERANCE = 1e-4
"""Largest distance of a joint from a goal [rad] or [m]; what is left is taken for rounding."""

SUCCESS = 1
"""MoveItErrorCodes.SUCCESS."""

_HERE = core.Pose(np.zeros(3), np.eye(3))


def move_group_goal(search: OutsideSearch) -> Any:
    """Return the goal of a search: plan only, in move_group's scene with these shapes in addition."""
    moveit = _moveit("msg")
    goal = _moveit("action").MoveGroup.Goal()
    request, options = goal.request, goal.planning_options
    request.group_name, request.num_planning_attempts = GROUP, 1
    request.allowed_planning_time = PLANNING_TIME
    request.max_velocity_scaling_factor = request.max_acceleration_scaling_factor = 1.0
    request.start_state.is_diff = True
    request.start_state.joint_state.name = list(search.joint_names)
    request.start_state.joint_state.position = search.start.tolist()
    clearance = search.scene.clearance
    for held in search.scene.attached:
        attached = moveit.AttachedCollisionObject(link_name=held.link, touch_links=[held.link])
        _fill_object(attached.object, held.shape, held.link, 0.0)
        request.start_state.attached_collision_objects.append(attached)
    for positions in search.goals:
        constraint = moveit.Constraints()
        for name, position in zip(search.moving, positions.tolist()):
            constraint.joint_constraints.append(
                moveit.JointConstraint(
                    joint_name=name, position=position, tolerance_above=TOLERANCE, tolerance_below=TOLERANCE, weight=1.0
                )
            )
        request.goal_constraints.append(constraint)
    fill_path_constraints(request.path_constraints, search)
    options.plan_only = True
    options.planning_scene_diff.is_diff = options.planning_scene_diff.robot_state.is_diff = True
    options.planning_scene_diff.world.collision_objects = [
        _collision_object(shape, search.base_frame, clearance) for shape in search.scene.shapes
    ]
    return goal


def way_points(result: Any, search: OutsideSearch) -> FloatArray:
    """Return the way points (N, D') of a result, in the order of the search's joints.

    Raises:
        MotionError: "no_path" with MoveIt's error code, or if it moved other joints.
    """
    code = result.error_code.val
    if code != SUCCESS:
        raise MotionError(
            "no_path",
            f"move_group found no way: MoveIt error code {code} ({_code_name(code)}); the robot was not moved; its log says more",
        )
    trajectory = result.planned_trajectory.joint_trajectory
    names = list(trajectory.joint_names)
    missing = [name for name in search.moving if name not in names]
    if missing or not trajectory.points:
        raise MotionError(
            "no_path",
            f"move_group's way has {len(trajectory.points)} points of {', '.join(names) or 'no joint'}; valid: at least one point, and "
            f"{', '.join(search.moving)}",
        )
    order = [names.index(name) for name in search.moving]
    rows: FloatArray = np.array([list(point.positions) for point in trajectory.points], dtype=np.float64)[:, order]
    return rows if len(rows) > 1 else np.repeat(rows, 2, axis=0)


def _moveit(part: str) -> Any:
    """Return a module of moveit_msgs, which is only there with MoveIt: nothing else here needs it."""
    return importlib.import_module(f"moveit_msgs.{part}")


def _code_name(code: int) -> str:
    codes = vars(_moveit("msg").MoveItErrorCodes)
    named = {value: name for name, value in codes.items() if name.isupper() and isinstance(value, int)}
    return str(named.get(code, "a code that is not known here"))


def _collision_object(shape: Shape, frame: str, clearance: float) -> Any:
    made = _moveit("msg").CollisionObject()
    _fill_object(made, shape, frame, clearance)
    return made


def _fill_object(made: Any, shape: Shape, frame: str, clearance: float) -> None:
    """Fill an object to be added: a primitive where MoveIt has it, else the triangles of its surface."""
    made.header.frame_id, made.id = frame, shape.name
    made.pose = _pose(shape.pose)
    size = [length + clearance for length in shape.size]
    kinds = {"box": SolidPrimitive.BOX, "sphere": SolidPrimitive.SPHERE, "cylinder": SolidPrimitive.CYLINDER}
    if shape.kind in kinds:
        sizes = {
            "box": [2.0 * length for length in size[:3]],
            "sphere": size[:1],
            "cylinder": [2.0 * size[-1], size[0]],
        }
        made.primitives = [SolidPrimitive(type=kinds[shape.kind], dimensions=sizes[shape.kind])]
        made.primitive_poses = [Pose()]
    elif shape.kind == "plane":
        made.planes, made.plane_poses = [Plane(coef=[0.0, 0.0, 1.0, -clearance])], [Pose()]
    else:
        corners = surface_of(Shape(shape.name, shape.kind, shape.size, _HERE, shape.vertices)).corners
        away = corners - corners.mean(axis=(0, 1))
        corners = corners + clearance * away / np.maximum(np.linalg.norm(away, axis=2, keepdims=True), 1e-9)
        mesh = Mesh(vertices=[Point(x=x, y=y, z=z) for x, y, z in corners.reshape(-1, 3).tolist()])
        mesh.triangles = [MeshTriangle(vertex_indices=[3 * k, 3 * k + 1, 3 * k + 2]) for k in range(len(corners))]
        made.meshes, made.mesh_poses = [mesh], [Pose()]


def _pose(pose: core.Pose) -> Pose:
    made = Pose()
    made.position.x, made.position.y, made.position.z = pose.position.tolist()
    turn = made.orientation
    turn.x, turn.y, turn.z, turn.w = quaternion_of(pose.rotation).tolist()
    return made

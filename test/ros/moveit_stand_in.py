"""Message classes of moveit_msgs, which is not installed here: the fields of the files at commit ec3ba4bfa2ec37df576bcf7a087e5a4ab88d79a4.

Only what is used; a field that its file does not have cannot be set.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from geometry_msgs.msg import Pose, Quaternion, Vector3
from sensor_msgs.msg import JointState
from std_msgs.msg import Header
from trajectory_msgs.msg import JointTrajectory


def _message(kind: str, /, **fields: Any) -> type:
    def init(self: Any, **given: Any) -> None:
        for field, make in fields.items():
            setattr(self, field, make() if callable(make) else make)
        for field, value in given.items():
            setattr(self, field, value)

    return type(kind, (), {"__slots__": tuple(fields), "__init__": init})


CollisionObject = _message(
    "CollisionObject", header=Header, pose=Pose, id="", primitives=list, primitive_poses=list, meshes=list, mesh_poses=list,
    planes=list, plane_poses=list, operation=b"\0",
)  # fmt: skip
AttachedCollisionObject = _message(
    "AttachedCollisionObject", link_name="", object=CollisionObject, touch_links=list, weight=0.0
)
RobotState = _message("RobotState", joint_state=JointState, attached_collision_objects=list, is_diff=False)
JointConstraint = _message(
    "JointConstraint", joint_name="", position=0.0, tolerance_above=0.0, tolerance_below=0.0, weight=0.0
)
BoundingVolume = _message("BoundingVolume", primitives=list, primitive_poses=list, meshes=list, mesh_poses=list)
PositionConstraint = _message(
    "PositionConstraint",
    header=Header,
    link_name="",
    target_point_offset=Vector3,
    constraint_region=BoundingVolume,
    weight=0.0,
)
OrientationConstraint = _message(
    "OrientationConstraint", header=Header, orientation=Quaternion, link_name="", absolute_x_axis_tolerance=0.0,
    absolute_y_axis_tolerance=0.0, absolute_z_axis_tolerance=0.0, parameterization=0, weight=0.0,
)  # fmt: skip
Constraints = _message(
    "Constraints", name="", joint_constraints=list, position_constraints=list, orientation_constraints=list
)
Octomap = _message("Octomap", header=Header, binary=False, id="", resolution=0.0, data=list)
OctomapWithPose = _message("OctomapWithPose", header=Header, origin=Pose, octomap=Octomap)
PlanningSceneWorld = _message("PlanningSceneWorld", collision_objects=list, octomap=OctomapWithPose)
AllowedCollisionEntry = _message("AllowedCollisionEntry", enabled=list)
AllowedCollisionMatrix = _message(
    "AllowedCollisionMatrix", entry_names=list, entry_values=list, default_entry_names=list, default_entry_values=list
)
LinkPadding = _message("LinkPadding", link_name="", padding=0.0)
LinkScale = _message("LinkScale", link_name="", scale=0.0)
PlanningScene = _message(
    "PlanningScene", name="", robot_state=RobotState, robot_model_name="", fixed_frame_transforms=list,
    allowed_collision_matrix=AllowedCollisionMatrix, link_padding=list, link_scale=list, world=PlanningSceneWorld, is_diff=False,
)  # fmt: skip
PlanningOptions = _message("PlanningOptions", planning_scene_diff=PlanningScene, plan_only=False, replan=False)
MotionPlanRequest = _message(
    "MotionPlanRequest", start_state=RobotState, goal_constraints=list, path_constraints=Constraints, pipeline_id="", planner_id="",
    group_name="", num_planning_attempts=0, allowed_planning_time=0.0, max_velocity_scaling_factor=0.0,
    max_acceleration_scaling_factor=0.0,
)  # fmt: skip
MoveItErrorCodes = _message("MoveItErrorCodes", val=0)
MoveItErrorCodes.SUCCESS, MoveItErrorCodes.PLANNING_FAILED, MoveItErrorCodes.START_STATE_IN_COLLISION = 1, -1, -10
RobotTrajectory = _message("RobotTrajectory", joint_trajectory=JointTrajectory)
MoveGroupGoal = _message("MoveGroup_Goal", request=MotionPlanRequest, planning_options=PlanningOptions)
MoveGroupResult = _message(
    "MoveGroup_Result", error_code=MoveItErrorCodes, planned_trajectory=RobotTrajectory, planning_time=0.0
)


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the classes where moveit_msgs would be."""
    package, messages, actions = (ModuleType(f"moveit_msgs{tail}") for tail in ("", ".msg", ".action"))
    for kind in (
        AttachedCollisionObject, CollisionObject, Constraints, JointConstraint, MoveItErrorCodes, OrientationConstraint,
        PositionConstraint,
    ):  # fmt: skip
        setattr(messages, kind.__name__, kind)
    actions.MoveGroup = type("MoveGroup", (), {"Goal": MoveGroupGoal, "Result": MoveGroupResult})
    for module in (package, messages, actions):
        monkeypatch.setitem(sys.modules, module.__name__, module)

"""What move_group is told of a tool's limits: whatever it takes for kept is kept as it is checked here.

`keeps` is written from MoveIt's OrientationConstraint::decide and PositionConstraint::decide (moveit2, commit
8fcb5d2327767af3c764b1348a69a9b74c5efd18); MoveIt itself did not run.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

from strands_robots.core.arrays import FloatArray
from strands_robots.core.pose import Pose, pose_from_quaternion, rotation_matrix, rotation_vector
from strands_robots.planning.outside_planner import OutsideSearch
from strands_robots.planning.planning_scene import PlanningScene
from strands_robots.planning.tool_limits import ToolLimits
from strands_robots.ros.messages.geometry import quadruple, triple
from strands_robots.ros.messages.moveit_messages import move_group_goal

from . import moveit_stand_in

START = Pose(np.array([0.3, 0.1, 0.2]), rotation_matrix(np.array([0.4, -1.1, 0.7])))


@pytest.fixture(autouse=True)
def moveit(monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("moveit_msgs") is None:  # the installed messages check the types of their fields
        moveit_stand_in.install(monkeypatch)


def asked(limits: ToolLimits) -> Any:
    """Return the path constraints of a goal, of messages that are moveit_msgs' own where it is installed."""
    joints, at = ("shoulder_pan", "shoulder_lift"), np.array([0.1, 0.2])
    search = OutsideSearch(
        "so101", "base_link", joints, at, joints, (at + 0.1,), PlanningScene(), "gripper_frame_link", limits, START
    )
    return move_group_goal(search).request.path_constraints


def euler(turn: FloatArray) -> FloatArray:
    """Return intrinsic x, y, z angles of a rotation matrix away from their singularity, as MoveIt's calcEulerAngles."""
    return np.array(
        [
            np.arctan2(-turn[1, 2], turn[2, 2]),
            np.arctan2(turn[0, 2], np.hypot(turn[1, 2], turn[2, 2])),
            np.arctan2(-turn[0, 1], turn[0, 0]),
        ]
    )


def keeps(constraints: Any, tool: Pose) -> bool:
    for one in constraints.orientation_constraints:
        wanted = pose_from_quaternion((0.0, 0.0, 0.0), quadruple(one.orientation)).rotation
        off = wanted.T @ tool.rotation
        error = np.abs(wanted @ rotation_vector(off) if one.parameterization == 1 else euler(off))
        most = one.absolute_x_axis_tolerance, one.absolute_y_axis_tolerance, one.absolute_z_axis_tolerance
        if (error > np.array(most) + 1e-12).any():
            return False
    for one in constraints.position_constraints:
        ((box, place),) = zip(one.constraint_region.primitives, one.constraint_region.primitive_poses)
        if (np.abs(tool.position - triple(place.position)) > 0.5 * np.array(box.dimensions)).any():
            return False
    return True


@pytest.mark.parametrize(
    "limits",
    [
        *(ToolLimits(upright=angle) for angle in (0.05, 0.3, 1.2, 2.5)),
        *(ToolLimits(cone=angle, cone_axis=(1.0, -2.0, 0.5)) for angle in (0.05, 0.3, 1.2, 1.6, 2.5)),
    ],
)
def test_what_moveit_takes_for_kept_is_kept_and_most_of_what_is_kept_it_takes(limits: ToolLimits) -> None:
    constraints, rng = asked(limits), np.random.default_rng(1)
    (only,) = constraints.orientation_constraints
    assert (only.link_name, only.header.frame_id, only.weight) == ("gripper_frame_link", "base_link", 1.0)
    axis = (
        np.array([0.0, 0.0, 1.0]) if limits.upright else np.array(limits.cone_axis) / np.linalg.norm(limits.cone_axis)
    )
    begins = START if limits.upright else Pose(START.position, _on(axis))
    (kept,) = limits.constraints(begins)
    angle = limits.upright or limits.cone
    told = both = ours = 0
    for _ in range(4000):
        across = np.cross(axis, rng.normal(size=3))
        tilt = rotation_matrix(across / np.linalg.norm(across) * rng.uniform(0.0, min(1.5 * angle, np.pi)))
        turn = rotation_matrix(axis * rng.uniform(-np.pi, np.pi))
        tool = Pose(START.position, tilt @ turn @ begins.rotation)
        is_told, is_ours = keeps(constraints, tool), kept.is_kept(tool)
        told, both, ours = told + is_told, both + (is_told and is_ours), ours + is_ours
    assert told == both, "nothing that is refused here afterwards"
    assert both > 0.5 * ours, "and little is lost"


def _on(axis: FloatArray) -> FloatArray:
    """Return an orientation of the tool whose z axis has a direction."""
    x = np.cross(np.eye(3)[0], axis)
    x /= np.linalg.norm(x)
    return np.column_stack([x, np.cross(axis, x), axis])


def test_a_box_is_the_same_box_and_a_speed_is_left_to_the_time_law() -> None:
    limits = ToolLimits(box=((0.1, -0.2, 0.05), (0.5, 0.2, 0.45)), speed=0.1)
    constraints, rng = asked(limits), np.random.default_rng(2)
    assert not constraints.orientation_constraints and len(constraints.position_constraints) == 1
    (kept,) = limits.constraints(START)
    places = [Pose(rng.uniform([0.0, -0.3, 0.0], [0.6, 0.3, 0.5]), START.rotation) for _ in range(2000)]
    assert [keeps(constraints, place) for place in places] == [kept.is_kept(place) for place in places]


def test_several_limits_are_told_together_and_none_is_none() -> None:
    limits = ToolLimits(upright=0.3, cone=2.9, cone_axis=(0.0, 0.0, 1.0), box=((0.1, -0.2, 0.05), (0.5, 0.2, 0.45)))
    together = asked(limits)
    assert len(together.orientation_constraints) == 2 and len(together.position_constraints) == 1
    none = asked(ToolLimits(speed=0.1))
    assert not none.orientation_constraints and not none.position_constraints

"""Where the tool may be: chunks are checked whole before they play, the moving tool is watched, and there is a way back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strands_robots.control.refusal import Refusal, Verdict
from strands_robots.control.supervision import Supervision
from strands_robots.control.tool_chain import ChainJoint, ToolChain
from strands_robots.control.workspace import Workspace
from strands_robots.core.errors import ConfigurationError, ShapeError
from strands_robots.core.types import ControlMode
from strands_robots.description.supervision_config import BoxConfig, LimitsConfig, WorkspaceConfig

from .gates import DT, limits
from .watched_arm import FORE, UPPER, WatchedArm, chain, tool

# The tool starts at (0.5, 0, 0.1) and moves on a circle of that radius when the shoulder turns.
POST = {"min": [0.30, 0.30, 0.0], "max": [0.40, 0.40, 0.3]}
"""In the way of the stretched arm where the shoulder is between 0.6435 and 0.9273 rad."""
ROOM = {"min": [-0.6, -0.6, 0.0], "max": [0.6, 0.40, 0.3]}
"""Left by the stretched arm where the shoulder is beyond 0.9273 rad."""


def guarded(**section: Any) -> WatchedArm:
    return WatchedArm(workspace=section)


def shoulder(arm: WatchedArm, *angles: float, period: float = 0.1, **changes: Any) -> Verdict:
    rows = [[angle, 0.0, 0.25] for angle in angles]
    return arm.submit(rows, control_period=period if len(rows) > 1 else 0.0, lifetime=1.0, **changes)


def refused(verdict: Verdict) -> str:
    assert verdict.refusal is Refusal.WORKSPACE
    assert verdict.message.isascii()
    return verdict.message


# Kinematics


def test_tool_is_where_geometry_says() -> None:
    found = chain()
    joints = np.random.default_rng(1).uniform(-3.0, 3.0, (50, 3))
    assert np.allclose(found.positions(joints), [tool(row) for row in joints], atol=1e-12)
    assert np.allclose([found.position(row).copy() for row in joints], [tool(row) for row in joints], atol=1e-12)


def test_tool_moves_no_further_than_reach_says() -> None:
    assert np.allclose(chain().reach, [UPPER + FORE, FORE, 0.0])
    rng = np.random.default_rng(2)
    joints = rng.uniform(-3.0, 3.0, (200, 3))
    steps = rng.uniform(-0.1, 0.1, (200, 3))
    moved = np.linalg.norm(chain().positions(joints + steps) - chain().positions(joints), axis=1)
    assert (moved <= np.abs(steps) @ chain().reach + 1e-12).all()


def test_sliding_joint_moves_the_tool_along_its_axis() -> None:
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    x, z = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
    slide = ToolChain([ChainJoint(0, turn, np.zeros(3), x, True), ChainJoint(1, np.eye(3), np.zeros(3), z)], 0.1 * x, 2)
    assert np.allclose(slide.position(np.array([0.2, math.pi / 2])), [-0.1, 0.2, 0.0])
    assert np.allclose(slide.positions(np.array([[0.2, 0.0]])), [[0.0, 0.3, 0.0]])
    assert slide.reach[0] == 1.0


def test_tool_that_no_joint_moves_stays(size: int = 2) -> None:
    fixed = ToolChain(
        [ChainJoint(None, np.eye(3), np.array([0.0, 0.0, 0.3]), np.ones(3))], np.array([0.1, 0.0, 0.0]), size
    )
    assert np.allclose(fixed.position(np.zeros(size)), [0.1, 0.0, 0.3])
    assert np.allclose(fixed.positions(np.ones((3, size))), [[0.1, 0.0, 0.3]] * 3)


def test_positions_of_another_width_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"valid: \(N, 3\)"):
        chain().positions(np.zeros((2, 4)))


def test_workspace_without_kinematics_is_refused() -> None:
    config = LimitsConfig.model_validate({"workspace": {"allowed": ROOM}})
    with pytest.raises(ConfigurationError, match="no kinematics"):
        Supervision(config, limits(), DT)


def test_violation_is_the_way_to_where_the_tool_may_be() -> None:
    config = WorkspaceConfig(
        allowed=BoxConfig(min=(0, 0, 0), max=(1, 1, 1)), forbidden={"cube": BoxConfig(min=(0.4,) * 3, max=(0.6,) * 3)}
    )
    workspace = Workspace(config, chain())
    points = np.array([[0.5, 0.5, 0.45], [0.5, 0.5, 0.2], [1.3, 0.5, -0.1]])
    expected = [[0.0, 0.05], [0.0, 0.0], [0.3, 0.0]]
    assert np.allclose(workspace.violations(points), expected)
    assert np.allclose([workspace.violation(point).copy() for point in points], expected)


# The check of a chunk


def test_chunk_that_stays_inside_plays() -> None:
    arm = guarded(allowed=ROOM, forbidden={"post": POST})
    assert shoulder(arm, 0.1, 0.3, 0.5, 0.3).accepted
    arm.run(1.0)
    assert not arm.gate.is_latched


@pytest.mark.guarantee(
    "Supervision",
    "a chunk whose tool path leaves the workspace is refused whole, with box, row and place",
    "control/workspace_check.py",
)
def test_chunk_that_leaves_the_allowed_box_is_refused_by_name() -> None:
    arm = guarded(allowed=ROOM)
    assert refused(shoulder(arm, 0.2, 0.6, 0.95, 1.0)) == (
        "workspace: between rows 1 and 2: tool at (0.299, 0.401, 0.100) m outside the allowed box; valid: x -0.600 to 0.600, "
        "y -0.600 to 0.400, z 0.000 to 0.300"
    )
    before = arm.position.copy()
    arm.run(0.5)
    assert np.array_equal(arm.position, before), "nothing of it played"
    assert arm.gate.report(arm.now).refusals == {"workspace": 1}


@pytest.mark.guarantee(
    "Supervision",
    "a chunk whose tool path leaves the workspace is refused whole, with box, row and place",
    "control/workspace_check.py",
)
def test_chunk_with_a_row_in_a_forbidden_box_is_refused_by_name() -> None:
    message = refused(shoulder(guarded(forbidden={"post": POST}), 0.0, 0.6, 0.7))
    assert (
        "inside forbidden box 'post'; valid: outside of x 0.300 to 0.400, y 0.300 to 0.400, z 0.000 to 0.300" in message
    )


@pytest.mark.guarantee(
    "Supervision",
    "a chunk whose tool path leaves the workspace is refused whole, with box, row and place",
    "control/workspace_check.py",
)
def test_way_between_two_rows_is_checked() -> None:
    message = refused(shoulder(guarded(forbidden={"post": POST}), 0.0, 0.5, 1.0, 1.0))
    assert message.startswith("workspace: between rows 1 and 2")


def test_way_to_the_first_row_is_checked() -> None:
    message = refused(shoulder(guarded(forbidden={"post": POST}), 1.0, 1.0))
    assert message.startswith("workspace: on the way to the chunk's first row")
    assert "on the way" in refused(shoulder(guarded(forbidden={"post": POST}), 1.0))


def test_way_on_after_the_last_row_is_checked() -> None:
    arm = guarded(forbidden={"post": POST})
    rows = [0.0, 0.1, 0.3, 0.5, 0.63]  # at 1.3 rad/s it needs 0.08 rad to stop
    assert refused(shoulder(arm, *rows)).startswith("workspace: coming to rest after the last row, 4")
    assert shoulder(arm, *rows, 0.63).accepted


def test_rows_that_are_over_already_do_not_matter() -> None:
    arm = guarded(forbidden={"post": POST})
    rows = [0.7, 0.7, 0.0, 0.0, 0.0]
    assert shoulder(arm, *rows, observation_stamp=arm.ros - 0.22).accepted
    assert not shoulder(arm, *rows, observation_stamp=arm.ros - 0.05).accepted


def test_chunk_of_some_joints_is_checked_with_the_others_where_they_are() -> None:
    arm = guarded(forbidden={"post": POST})
    assert arm.submit([[0.6]], joint_names=("shoulder",)).accepted
    arm.run(1.0)
    # From (0.41, 0.28) the elbow takes the tool to (0.36, 0.33).
    assert not arm.submit([[0.4]], joint_names=("elbow",)).accepted
    assert arm.submit([[-0.4]], joint_names=("elbow",)).accepted


def test_clamped_values_are_checked_as_they_are_clamped() -> None:
    arm = guarded(allowed={"min": [-0.6, -0.6, 0.0], "max": [0.6, 0.43, 0.3]})
    assert shoulder(arm, 5.0).accepted, "1.0 rad is where it is clamped to"


def test_velocities_are_checked_as_what_they_add_up_to() -> None:
    arm = guarded(forbidden={"post": POST})
    fields: dict[str, Any] = {"mode": ControlMode.VELOCITY, "joint_names": ("shoulder",), "control_period": 0.1}
    assert arm.submit([[0.5]] * 11, **fields).accepted  # to 0.55 rad, and 0.01 to stop
    assert refused(arm.submit([[0.5]] * 13, **fields)).startswith("workspace: row 12: tool at")
    assert refused(arm.submit([[1.2]] * 5, **fields)).startswith("workspace: coming to rest after the last row, 4")
    assert arm.submit([[-0.5]] * 13, **fields).accepted


def test_single_velocity_is_checked() -> None:
    arm = guarded(allowed={"min": [0.0, -0.3, 0.0], "max": [0.6, 0.001, 0.3]})
    fields: dict[str, Any] = {"mode": ControlMode.VELOCITY, "joint_names": ("shoulder",)}
    assert not arm.submit([[2.0]], **fields).accepted
    assert arm.submit([[-2.0]], **fields).accepted


def test_path_that_needs_too_many_checks_is_refused() -> None:
    arm = guarded(allowed={"min": [-1, -1, 0], "max": [1, 1, 1]}, resolution=0.001)
    rows = np.zeros((4000, 3))
    rows[::2, 0], rows[:, 2] = 0.9, 0.25
    verdict = arm.submit(rows, control_period=0.1)
    assert verdict.refusal is Refusal.TOO_LARGE
    assert "valid: 100000" in verdict.message


# Out of where it may not be


def outside() -> WatchedArm:
    """An arm whose tool is 0.06 m deep in a forbidden box, as after somebody pushed it there."""
    arm = guarded(forbidden={"post": {"min": [0.25, 0.2, 0.0], "max": [0.45, 0.5, 0.3]}})
    pushed = np.array([0.9273 - 0.2, 0.0, 0.25])  # (0.373, 0.333)
    arm.position[:] = pushed
    arm.gate.restart(pushed, arm.now)
    arm.run(0.1)
    assert not arm.gate.is_latched
    return arm


@pytest.mark.guarantee(
    "Supervision",
    "a robot already outside the workspace may only move back towards it",
    "control/workspace_check.py; control/joint_watch.py",
)
def test_tool_that_is_where_it_may_not_be_may_leave_and_not_come_back() -> None:
    arm = outside()
    assert shoulder(arm, 0.4, 0.2).accepted
    arm.run(2.0)
    assert not arm.gate.is_latched
    assert tool(arm.position)[1] < 0.2
    refused(shoulder(arm, 0.7))


@pytest.mark.guarantee(
    "Supervision",
    "a robot already outside the workspace may only move back towards it",
    "control/workspace_check.py; control/joint_watch.py",
)
def test_tool_that_is_where_it_may_not_be_gets_no_deeper() -> None:
    arm = outside()
    # On the way to the far side it would first get deeper.
    assert "inside forbidden box 'post'" in refused(shoulder(arm, 1.0))
    assert arm.submit([[0.45]], joint_names=("gripper",)).accepted, "what does not move the tool is free"


# The watch of the moving tool


@pytest.mark.guarantee("Supervision", "a tool that gets there all the same stops the robot", "control/workspace.py")
def test_tool_that_is_pushed_out_stops_the_robot() -> None:
    arm = guarded(allowed=ROOM, margin=0.02)
    arm.run(0.05)
    arm.held = {0: math.asin(0.415 / 0.5)}
    arm.run(0.1)
    assert not arm.gate.is_latched
    arm.held = {0: math.asin(0.425 / 0.5)}
    arm.run(0.05)
    assert arm.alarm == "workspace"
    assert "measured tool at (0.263, 0.425, 0.100) m outside the allowed box" in arm.gate.report(arm.now).latch_reason


def test_set_point_that_would_come_to_rest_outside_stops_the_robot_before_it_is_there() -> None:
    """A step is followed by each joint as fast as it can, which is another way than the straight one that was checked."""
    box = {"min": [0.33, 0.2, 0.0], "max": [0.4, 0.3, 0.3]}
    arm = guarded(forbidden={"post": box}, margin=0.01)
    assert arm.submit([[1.0, -2.0, 0.25]]).accepted
    path = arm.run(2.0)
    assert arm.alarm == "workspace"
    assert "commanded tool at" in arm.gate.report(arm.now).latch_reason
    assert deepest(path, {"post": box}) <= 0.02


angles = st.floats(min_value=-1.0, max_value=1.0)
elbows = st.floats(min_value=-2.0, max_value=2.0)


@pytest.mark.guarantee("Supervision", "a tool that gets there all the same stops the robot", "control/workspace.py")
@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.tuples(angles, elbows), min_size=1, max_size=6), period=st.floats(min_value=0.02, max_value=2.0)
)
def test_tool_never_gets_deeper_than_margin_and_resolution(rows: list[tuple[float, float]], period: float) -> None:
    boxes = {"post": POST, "low": {"min": [0.0, -0.5, 0.0], "max": [0.3, -0.3, 0.2]}}
    arm = guarded(forbidden=boxes, margin=0.02)
    accepted = arm.submit(
        [[*row, 0.25] for row in rows], control_period=period if len(rows) > 1 else 0.0, lifetime=1.0
    ).accepted
    path = arm.run(0.3 + (len(rows) * period + 1.0 if accepted else 0.0))
    assert deepest(path, boxes) <= 0.02 + 0.01


def deepest(path: np.ndarray, boxes: dict[str, Any]) -> float:
    """Return how deep in forbidden boxes the tool is at the worst of some joint positions (N, 3)."""
    workspace = Workspace(WorkspaceConfig.model_validate({"forbidden": boxes}), chain())
    return float(workspace.violations(chain().positions(path)).max())

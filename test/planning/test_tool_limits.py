"""A tool that keeps to something on its whole way: upright, in a cone, in a box, no faster than a limit; and goals that are regions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose, rotation_matrix
from strands_robots.description.robot_config import load_robot
from strands_robots.motion.arm import Arm
from strands_robots.motion.ik import Orientation, PoseTarget
from strands_robots.motion.move_to import JointTarget
from strands_robots.planning.goals import PoseGoals, RegionGoal
from strands_robots.planning.plan import Plan
from strands_robots.planning.planning_scene import PlanningScene
from strands_robots.planning.scene_planner import PlanRequest, ScenePlanner
from strands_robots.planning.tool_limits import ToolLimits

from .scenes import box

HELD_LEVEL = np.array([0.0, -0.4, 0.9, -0.5, 0.0, 0.2])


@pytest.fixture(scope="module")
def arm() -> Arm:
    return Arm(load_robot("so101"))


def tilts(arm: Arm, plan, start: np.ndarray) -> np.ndarray:
    """Return the tilt of the tool against the start along the played curve [rad]."""
    up = arm.tool_pose(start).rotation.T[:, 2]
    columns = [arm.limits.index[name] for name in plan.joint_names]
    angles = []
    for row in plan.move(arm.limits).timed.at(np.linspace(0.0, plan.duration, 200)):
        position = start.copy()
        position[columns] = row
        angles.append(np.arccos(np.clip(arm.tool_pose(position).rotation.T[:, 2] @ up, -1.0, 1.0)))
    return np.array(angles)


def test_a_held_cup_stays_upright_around_a_wall_and_would_not_without(arm: Arm) -> None:
    start, end = HELD_LEVEL.copy(), HELD_LEVEL.copy()
    start[0], end[0] = 0.8, -0.8
    # Another height at the end, by joints whose sum keeps the tool's direction.
    end[1:4] += np.array([0.5, -0.2, -0.3])
    wall = box("wall", (0.30, 0.0, 0.05), (0.12, 0.01, 0.10))
    goal = JointTarget(tuple(range(6)), end)
    free = ScenePlanner(arm).plan(PlanRequest(goal, start, "rrt_connect", "quintic"), PlanningScene((wall,)))
    level = ScenePlanner(arm).plan(
        PlanRequest(goal, start, "rrt_connect", "quintic", tool=ToolLimits(upright=0.15)), PlanningScene((wall,))
    )
    assert tilts(arm, level, start).max() < 0.16
    assert tilts(arm, free, start).max() > 0.2, "the wall is gone around by tilting where that is free"


def test_a_target_that_is_tilted_is_named(arm: Arm) -> None:
    end = HELD_LEVEL.copy()
    end[3] += 0.5
    request = PlanRequest(
        JointTarget(tuple(range(6)), end), HELD_LEVEL, "rrt_connect", "quintic", tool=ToolLimits(upright=0.1)
    )
    with pytest.raises(
        MotionError, match=r"the tool would be tilted by 0\.500 rad against the start; valid: up to 0\.1"
    ):
        ScenePlanner(arm).plan(request, PlanningScene())


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"upright": -1.0}, r"upright is -1 rad; valid: 0\.01 to 3, or 0 for no limit"),
        ({"upright": 0.001}, r"upright is 0\.001 rad"),
        ({"upright": float("nan")}, "upright is nan rad"),
        ({"cone": 0.3}, r"cone is 0\.3 rad and cone_axis \[0\.0, 0\.0, 0\.0\]; valid: a direction"),
        ({"cone": 9.0, "cone_axis": (0.0, 0.0, 1.0)}, "cone is 9 rad; valid: 0"),
        ({"cone": 0.3, "cone_axis": (0.0, float("inf"), 1.0)}, "valid: a direction"),
        ({"cone_axis": (0.0, 0.0, 1.0)}, "without cone; valid: an angle in cone"),
        ({"box": ((0.0, 0.0, 0.0), (0.1, 0.0, 0.1))}, "valid: finite corners at least 0.001 m apart"),
        ({"box": ((0.0, 0.0, 0.0), (0.1, float("nan"), 0.1))}, "valid: finite corners"),
        ({"speed": 20.0}, r"tool_speed is 20 m/s; valid: 0\.001 to 10, or 0 for no limit"),
        ({"speed": -0.1}, "tool_speed is -0.1 m/s"),
    ],
)
def test_limits_that_are_none_are_refused(limits: dict[str, Any], words: str) -> None:
    with pytest.raises(MotionError, match=words) as refused:
        ToolLimits(**limits)
    assert refused.value.reason == "invalid_goal"


def played(arm: Arm, plan: Plan) -> list[Pose]:
    """Return the tool's poses along the played curve, each 5 ms."""
    columns = [arm.limits.index[name] for name in plan.joint_names]
    law = plan.move(arm.limits).timed
    assert law is not None
    poses = []
    for row in law.at(np.arange(0.0, plan.duration + 0.005, 0.005)):
        position = plan.start.copy()
        position[columns] = row
        poses.append(arm.tool_pose(position))
    return poses


def ways(end: float = -0.8) -> tuple[np.ndarray, JointTarget]:
    start, target = HELD_LEVEL.copy(), HELD_LEVEL.copy()
    start[0], target[0] = 0.8, end
    return start, JointTarget(tuple(range(6)), target)


TALL = box("wall", (0.32, 0.0, 0.15), (0.14, 0.01, 0.12))


def around(arm: Arm, limits: ToolLimits) -> list[Pose]:
    """Return the tool's poses on a way around a tall wall."""
    start, goal = ways()
    return played(
        arm, ScenePlanner(arm).plan(PlanRequest(goal, start, "rrt_connect", tool=limits), PlanningScene((TALL,)))
    )


def test_a_tool_keeps_to_a_wide_cone_and_would_not_without(arm: Arm) -> None:
    cone = ToolLimits(cone=0.9, cone_axis=(2.0, 0.0, 0.0))
    free, kept = (
        max(float(np.arccos(np.clip(pose.axis[0], -1.0, 1.0))) for pose in around(arm, limits))
        for limits in (ToolLimits(), cone)
    )
    assert kept <= 0.905 < free


def test_a_tool_stays_in_its_box_and_would_not_without(arm: Arm) -> None:
    low, high = (0.02, -0.3, 0.02), (0.4, 0.3, 0.2)
    free, kept = (
        np.array([pose.position for pose in around(arm, limits)])
        for limits in (ToolLimits(), ToolLimits(box=(low, high)))
    )
    assert (kept >= np.array(low) - 1e-3).all() and (kept <= np.array(high) + 1e-3).all()
    assert free[:, 2].max() > 0.3, "over the wall"


def test_a_start_outside_its_limits_is_named(arm: Arm) -> None:
    start, goal = ways()
    request = PlanRequest(goal, start, "rrt_connect", tool=ToolLimits(box=((0.0, -0.05, 0.0), (0.4, 0.05, 0.4))))
    with pytest.raises(
        MotionError, match=r"at the start the tool would be \d+\.\d mm outside its box: y is"
    ) as refused:
        ScenePlanner(arm).plan(request, PlanningScene())
    assert refused.value.reason == "invalid_goal"


@pytest.mark.parametrize("time_law", ["toppra", "quintic", "ruckig"])
def test_the_tool_is_no_faster_than_its_limit_and_uses_it(arm: Arm, time_law: str) -> None:
    start, goal = ways(0.2)
    slow, fast = (
        ScenePlanner(arm).plan(PlanRequest(goal, start, "rrt_connect", time_law, 1.0, tool=limits), PlanningScene())
        for limits in (ToolLimits(speed=0.05), ToolLimits())
    )
    speeds = [
        np.linalg.norm(np.diff([pose.position for pose in played(arm, plan)], axis=0), axis=1).max() / 0.005
        for plan in (slow, fast)
    ]
    assert 0.04 < speeds[0] <= 0.05 < speeds[1]
    assert slow.digest != fast.digest and slow.tool_speed == 0.05


def test_what_is_left_after_a_delay_is_played_no_faster_either(arm: Arm) -> None:
    start, goal = ways(0.2)
    plan = ScenePlanner(arm).plan(
        PlanRequest(goal, start, "rrt_connect", speed=1.0, tool=ToolLimits(speed=0.05)), PlanningScene()
    )
    move = plan.move(arm.limits)
    assert move.timed is not None
    rest = move.timed.resumed(0.3 * plan.duration, arm.limits, list(move.columns), 1.0)
    rest = rest.resumed(0.2 * rest.duration, arm.limits, list(move.columns), 1.0)
    places = []
    for row in rest.at(np.arange(0.0, rest.duration, 0.005)):
        position = start.copy()
        position[list(move.columns)] = row
        places.append(arm.tool_pose(position).position)
    assert np.linalg.norm(np.diff(places, axis=0), axis=1).max() / 0.005 <= 0.05


def test_a_region_is_reached_where_its_middle_is_taken(arm: Arm) -> None:
    start, _ = ways()
    middle = np.array([0.22, -0.10, 0.10])
    block = box("block", tuple(middle.tolist()), (0.03, 0.03, 0.03))
    target = PoseTarget(Pose(middle, np.eye(3)), Orientation.FREE, 0.002, 0.02)
    with pytest.raises(MotionError, match="block"):
        ScenePlanner(arm).plan(PlanRequest(PoseGoals((target,)), start, "rrt_connect"), PlanningScene((block,)))
    half = (0.06, 0.10, 0.10)
    request = PlanRequest(RegionGoal(target, half), start, "rrt_connect", seed=4)
    plan = ScenePlanner(arm).plan(request, PlanningScene((block,)))
    away = played(arm, plan)[-1].position - middle
    assert (np.abs(away) <= np.array(half)).all() and np.abs(away).max() > 0.02
    assert ScenePlanner(arm).plan(request, PlanningScene((block,))).digest == plan.digest


def test_a_region_with_a_cone_has_the_tool_in_both(arm: Arm) -> None:
    start, _ = ways()
    down = rotation_matrix(np.array([np.pi, 0.0, 0.0]))
    target = PoseTarget(Pose(np.array([0.22, 0.05, 0.08]), down), Orientation.AXIS, 0.002, 0.4)
    plan = ScenePlanner(arm).plan(
        PlanRequest(RegionGoal(target, (0.05, 0.08, 0.03)), start, "rrt_connect"), PlanningScene()
    )
    end = played(arm, plan)[-1]
    assert (np.abs(end.position - target.pose.position) <= (0.05, 0.08, 0.03)).all()
    assert np.arccos(end.axis @ np.array([0.0, 0.0, -1.0])) <= 0.4


def test_a_region_in_the_tools_frame_lies_along_its_axes(arm: Arm) -> None:
    start, _ = ways()
    target = PoseTarget(Pose(np.array([0.0, 0.0, -0.03]), np.eye(3)), Orientation.FREE, 0.002, 0.02)
    half = (0.01, 0.01, 0.005)
    plan = ScenePlanner(arm).plan(
        PlanRequest(RegionGoal(target, half, is_relative=True), start, "rrt_connect", seed=1), PlanningScene()
    )
    end = arm.tool_pose(start).inverse().at(played(arm, plan)[-1]).position - target.pose.position
    assert (np.abs(end) <= np.array(half) + 1e-9).all()


def test_a_region_out_of_reach_says_so(arm: Arm) -> None:
    start, _ = ways()
    target = PoseTarget(Pose(np.array([0.6, 0.0, 0.3]), np.eye(3)), Orientation.FREE, 0.002, 0.02)
    with pytest.raises(MotionError) as refused:
        ScenePlanner(arm).plan(
            PlanRequest(RegionGoal(target, (0.05, 0.05, 0.05)), start, "rrt_connect"), PlanningScene()
        )
    assert refused.value.reason == "unreachable" and refused.value.miss[0] > 0.1


@pytest.mark.parametrize(
    "limits", [ToolLimits(cone=0.25, cone_axis=(0.0, 0.0, -1.0)), ToolLimits(upright=0.2)], ids=["cone", "upright"]
)
def test_a_place_alone_is_reached_with_an_orientation_that_the_limits_leave(limits: ToolLimits) -> None:
    """Among the free orientations of seven joints few are in the cone."""
    panda = Arm(load_robot("panda"))
    start = np.array([panda.config.home[name] for name in panda.limits.names])
    assert panda.tool_pose(start).axis @ np.array([0.0, 0.0, -1.0]) > 0.99
    target = PoseTarget(Pose(np.array([0.35, 0.35, 0.3]), np.eye(3)), Orientation.FREE, 0.002, 0.02)
    plan = ScenePlanner(panda).plan(
        PlanRequest(PoseGoals((target,)), start, "rrt_connect", tool=limits), PlanningScene()
    )
    poses = played(panda, plan)
    assert poses[-1].position == pytest.approx(target.pose.position, abs=2e-3)
    assert max(np.arccos(np.clip(-pose.axis[2], -1.0, 1.0)) for pose in poses) < 0.26

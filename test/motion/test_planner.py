"""From targets to paths that touch nothing, or the reason why there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strands_robots.core.errors import MotionError, UnknownNameError
from strands_robots.core.pose import Pose, rotation_matrix
from strands_robots.description.robot_config import load_robot
from strands_robots.description.robot_model import describe_model
from strands_robots.motion.arm import Arm
from strands_robots.motion.ik import Orientation, PoseTarget
from strands_robots.motion.move_to import JointTarget, joint_target, judge, pose_target
from strands_robots.motion.planner import MovePlanner, PlannedMove

DOWN = rotation_matrix(np.array([0.0, np.pi, 0.0]))  # the tool's x axis points to the base


@pytest.fixture(scope="module")
def arm() -> Arm:
    return Arm(load_robot("so101"))


@pytest.fixture(scope="module")
def planner(arm: Arm) -> MovePlanner:
    return MovePlanner(arm)


@pytest.fixture(scope="module")
def home(arm: Arm) -> np.ndarray:
    return np.array([arm.config.home[name] for name in arm.limits.names])


def free_positions(arm: Arm, count: int, seed: int) -> list[np.ndarray]:
    """Random joint positions that touch nothing."""
    rng = np.random.default_rng(seed)
    found: list[np.ndarray] = []
    while len(found) < count:
        position = rng.uniform(arm.limits.lower, arm.limits.upper)
        if arm.collision(position, {}) is None:
            found.append(position)
    return found


def along(arm: Arm, move: PlannedMove, start: np.ndarray, count: int = 150) -> list[np.ndarray]:
    """Joint positions (D,) along a path."""
    rows = move.path.at(np.linspace(0.0, 1.0, count))
    positions = []
    for row in rows:
        position = start.copy()
        position[list(move.columns)] = row
        positions.append(position)
    return positions


def test_paths_between_random_positions_touch_nothing_and_keep_the_limits(arm: Arm, planner: MovePlanner) -> None:
    positions = free_positions(arm, 24, seed=5)
    found = 0
    for start, goal in zip(positions[::2], positions[1::2]):
        try:
            move = planner.plan(JointTarget(tuple(range(6)), goal), start)
        except MotionError as error:
            assert error.reason == "collision"
            continue
        found += 1
        assert np.allclose(move.path.points[0], start) and np.allclose(move.path.points[-1], goal)
        for position in along(arm, move, start):
            assert arm.collision(position, arm.contacts(start)) is None
            assert (position >= arm.limits.lower - 2e-3).all() and (position <= arm.limits.upper + 2e-3).all()
    assert found >= 10


POST = """<mujoco model="crane"><compiler angle="radian"/><worldbody><body name="base_link">
  <geom type="cylinder" size=".05 .02" contype="1" conaffinity="1" pos="0 0 .02"/>
  <geom name="post" type="box" size=".02 .02 .15" pos="0.3 0 .15"/>
  <body name="turret" pos="0 0 .1"><joint name="pan" axis="0 0 1" range="-2 2"/><geom type="sphere" size=".03"/>
    <body name="boom" pos="0 0 0"><joint name="lift" axis="0 -1 0" range="-0.2 1.5"/>
      <geom type="capsule" size=".02" fromto=".06 0 0 .4 0 0"/></body>
  </body></body></worldbody></mujoco>"""


def crane(folder: Path) -> Arm:
    """An arm that must lift its boom over a post of its own base."""
    path = folder / "crane.xml"
    path.write_text(POST, encoding="utf-8")
    return Arm(describe_model(path))


def test_a_way_around_is_found_where_the_direct_one_collides(tmp_path: Path) -> None:
    arm = crane(tmp_path)
    start, goal = np.array([-0.8, 0.1]), np.array([0.8, 0.1])
    move = MovePlanner(arm).plan(JointTarget((0, 1), goal), start)
    assert len(move.path.points) == 3
    assert max(position[1] for position in along(arm, move, start)) > 0.5
    assert all(arm.collision(position, {}) is None for position in along(arm, move, start))


def test_where_no_way_around_is_found_the_message_says_what_is_in_the_way(tmp_path: Path) -> None:
    arm = crane(tmp_path)
    message = r"after \d+ percent of the way boom would be .* base_link.*no way around"
    with pytest.raises(MotionError, match=message) as caught:
        MovePlanner(arm).plan(JointTarget((0,), np.array([0.8])), np.array([-0.8, 0.1]))
    assert caught.value.reason == "collision"


def test_a_target_in_the_table_is_refused_with_what_touches(arm: Arm, planner: MovePlanner, home: np.ndarray) -> None:
    message = r"at the target \w+ would be \d+\.\d mm inside the ground.*not moved"
    with pytest.raises(MotionError, match=message) as caught:
        planner.plan(joint_target(arm.limits, ["shoulder_lift"], [1.2], 0.0), home)
    assert caught.value.reason == "collision"


def test_a_pose_out_of_reach_says_by_how_much(planner: MovePlanner, home: np.ndarray) -> None:
    target = PoseTarget(Pose(np.array([0.6, 0.0, 0.1]), np.eye(3)), Orientation.FREE)
    with pytest.raises(MotionError, match=r"misses the position by 12\d\.\d+ mm .*not moved") as caught:
        planner.plan(target, home)
    assert caught.value.reason == "unreachable"
    assert caught.value.miss[0] == pytest.approx(0.122, abs=0.002)


def test_a_sideways_orientation_that_five_joints_cannot_have_is_refused_with_its_angle(
    planner: MovePlanner, home: np.ndarray
) -> None:
    sideways = rotation_matrix(np.array([-np.pi / 2.0, 0.0, 0.0]))
    target = PoseTarget(Pose(np.array([0.25, 0.0, 0.1]), sideways), Orientation.AXIS)
    with pytest.raises(MotionError, match=r"the orientation by \d\.\d+ rad .* 5 joints move the tool") as caught:
        planner.plan(target, home)
    assert caught.value.miss[1] > 0.3


@pytest.mark.parametrize("orientation", [Orientation.AXIS, Orientation.FULL])
@pytest.mark.parametrize("yaw", [-0.6, 0.0, 0.8])
def test_the_gripper_points_straight_down_with_any_yaw(
    orientation: Orientation, yaw: float, arm: Arm, planner: MovePlanner, home: np.ndarray
) -> None:
    rotation = rotation_matrix(np.array([0.0, 0.0, yaw])) @ DOWN
    target = pose_target(Pose(np.array([0.2, 0.05, 0.05]), rotation), int(orientation), 0.001, 0.01)
    move = planner.plan(target, home)
    reached = judge(arm, target, move.columns, move.end, along(arm, move, home)[-1])
    assert reached.is_reached and reached.position_error < 0.001 and reached.orientation_error < 0.01


@pytest.mark.parametrize("orientation", list(Orientation))
def test_a_straight_path_keeps_the_tool_on_its_line(
    orientation: Orientation, arm: Arm, planner: MovePlanner, home: np.ndarray
) -> None:
    above = planner.plan(pose_target(Pose(np.array([0.2, 0.0, 0.08]), DOWN), 2, 0.0, 0.0), home)
    start = along(arm, above, home)[-1]
    begin, end = arm.tool_pose(start).position, np.array([0.22, 0.04, 0.02])
    move = planner.plan(pose_target(Pose(end, DOWN), int(orientation), 0.0, 0.0), start, straight=True)
    direction = (end - begin) / np.linalg.norm(end - begin)
    heights = []
    for position in along(arm, move, start):
        offset = arm.tool_pose(position).position - begin
        heights.append(float(offset @ direction))
        assert np.linalg.norm(offset - heights[-1] * direction) < 0.002
    assert heights[-1] == pytest.approx(np.linalg.norm(end - begin), abs=0.002)
    assert (np.diff(heights) > -1e-4).all()


def test_a_straight_path_out_of_the_reach_says_where_it_ends(planner: MovePlanner, home: np.ndarray) -> None:
    target = pose_target(Pose(np.array([0.6, 0.0, 0.1]), DOWN), int(Orientation.FREE), 0.0, 0.0)
    with pytest.raises(MotionError, match=r"the straight line of 0\.34\d m ends after \d+ percent") as caught:
        planner.plan(target, home, straight=True)
    assert caught.value.reason == "unreachable" and 0.1 < caught.value.miss[0] < 0.35


def test_the_same_question_has_the_same_path(arm: Arm, home: np.ndarray) -> None:
    target = pose_target(Pose(np.array([0.2, 0.05, 0.05]), DOWN), 1, 0.0, 0.0)
    first, second = (MovePlanner(Arm(load_robot("so101"))).plan(target, home) for _ in range(2))
    assert (first.path.points == second.path.points).all()


def test_joints_that_are_not_named_are_not_moved(arm: Arm, planner: MovePlanner, home: np.ndarray) -> None:
    move = planner.plan(joint_target(arm.limits, ["wrist_roll", "shoulder_pan"], [1.0, -0.5], 0.0), home)
    assert move.columns == (4, 0) and np.allclose(move.end, [1.0, -0.5])


@pytest.mark.parametrize(
    ("names", "positions", "tolerance", "message"),
    [
        ([], [], 0.0, "0 joint names and 0 positions given; valid: at least one name"),
        (["gripper"], [], 0.0, "1 joint names and 0 positions"),
        (["gripper", "gripper"], [0.1, 0.1], 0.0, "each once"),
        (["gripper"], [float("nan")], 0.0, "position of 'gripper' is nan; valid: -0.174533 to 1.74533"),
        (["gripper"], [float("inf")], 0.0, "position of 'gripper' is inf; valid"),
        (["gripper"], [1.8], 0.0, "position of 'gripper' is 1.8; valid: -0.174533 to 1.74533"),
        (["gripper"], [0.1], -1.0, "joint_tolerance is -1; valid: above 0"),
        (["gripper"], [0.1], float("nan"), "joint_tolerance is nan; valid: above 0"),
    ],
)
def test_a_joint_target_that_is_not_valid_is_refused(
    arm: Arm, names: list[str], positions: list[float], tolerance: float, message: str
) -> None:
    with pytest.raises(MotionError, match=message) as caught:
        joint_target(arm.limits, names, positions, tolerance)
    assert caught.value.reason == "invalid_goal"


def test_an_unknown_joint_is_refused_with_the_nearest(arm: Arm) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'elbow_flex'"):
        joint_target(arm.limits, ["elbow_flx"], [0.0], 0.0)


@pytest.mark.parametrize(
    ("orientation", "position", "angle", "message"),
    [
        (3, 0.0, 0.0, r"orientation is 3; valid: 0 \(FREE\), 1 \(AXIS\), 2 \(FULL\)"),
        (0, -0.1, 0.0, "position_tolerance is -0.1"),
        (2, 0.0, float("inf"), "orientation_tolerance is inf"),
    ],
)
def test_a_pose_target_that_is_not_valid_is_refused(
    orientation: int, position: float, angle: float, message: str
) -> None:
    with pytest.raises(MotionError, match=message):
        pose_target(Pose(np.zeros(3), np.eye(3)), orientation, position, angle)


def test_straight_is_for_poses_only(arm: Arm, planner: MovePlanner, home: np.ndarray) -> None:
    with pytest.raises(MotionError, match="valid: for a pose"):
        planner.plan(joint_target(arm.limits, ["gripper"], [0.5], 0.0), home, straight=True)

"""Inverse kinematics against MuJoCo's own forward kinematics of the robot's file."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from strands_robots.core.errors import ModelError
from strands_robots.core.pose import Pose
from strands_robots.description.robot_config import RobotConfig, load_robot
from strands_robots.motion.arm import GROUND, Arm
from strands_robots.motion.ik import IkSolution, IkSolver, Orientation, PoseTarget

REACHABLE = 60


@pytest.fixture(scope="module")
def config() -> RobotConfig:
    return load_robot("so101")


@pytest.fixture(scope="module")
def arm(config: RobotConfig) -> Arm:
    return Arm(config)


@pytest.fixture(scope="module")
def home(config: RobotConfig) -> np.ndarray:
    return np.array([config.home[name] for name in config.joints])


@pytest.fixture(scope="module")
def plain(config: RobotConfig) -> tuple[mujoco.MjModel, mujoco.MjData]:
    """The robot's file as MuJoCo alone reads it."""
    model = mujoco.MjModel.from_xml_path(str(config.mjcf))
    return model, mujoco.MjData(model)


def forward(config: RobotConfig, plain: tuple[mujoco.MjModel, mujoco.MjData], position: np.ndarray) -> Pose:
    """Pose of the tool in the base frame, by MuJoCo."""
    model, data = plain
    for name, value in zip(config.joints, position):
        data.joint(name).qpos[0] = value
    mujoco.mj_kinematics(model, data)
    base, tool = data.body(config.base_frame), data.site(config.tool_frame)
    rotation = base.xmat.reshape(3, 3)
    return Pose(rotation.T @ (tool.xpos - base.xpos), rotation.T @ tool.xmat.reshape(3, 3))


def first_reached(solver: IkSolver, target: PoseTarget, start: np.ndarray) -> IkSolution | None:
    return next((solution for solution in solver.solutions(target, start) if solution.is_reached), None)


@pytest.mark.parametrize("orientation", list(Orientation))
def test_random_reachable_poses_are_reached_within_a_millimetre(
    orientation: Orientation,
    arm: Arm,
    config: RobotConfig,
    home: np.ndarray,
    plain: tuple[mujoco.MjModel, mujoco.MjData],
) -> None:
    rng = np.random.default_rng(7)
    solver, limits = IkSolver(arm), arm.limits
    for _ in range(REACHABLE):
        wanted = forward(config, plain, rng.uniform(limits.lower, limits.upper))
        target = PoseTarget(wanted, orientation, position_tolerance=0.001, orientation_tolerance=0.01)
        solution = first_reached(solver, target, home)
        assert solution is not None
        assert (solution.position >= limits.lower).all() and (solution.position <= limits.upper).all()
        distance, angle = target.errors(forward(config, plain, solution.position))
        assert distance < 0.001 and angle < 0.01
        assert solution.position[limits.index["gripper"]] == home[limits.index["gripper"]]


def test_tool_pose_agrees_with_mujoco(
    arm: Arm, config: RobotConfig, plain: tuple[mujoco.MjModel, mujoco.MjData]
) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        position = rng.uniform(arm.limits.lower, arm.limits.upper)
        ours, theirs = arm.tool_pose(position), forward(config, plain, position)
        assert np.allclose(ours.position, theirs.position, atol=1e-9)
        assert np.allclose(ours.rotation, theirs.rotation, atol=1e-9)


def test_a_pose_out_of_reach_is_missed_by_its_distance_from_the_reach(arm: Arm, home: np.ndarray) -> None:
    solver = IkSolver(arm)
    near = first_reached(solver, PoseTarget(Pose(np.array([0.4, 0.0, 0.1]), np.eye(3)), Orientation.FREE), home)
    assert near is not None
    target = PoseTarget(Pose(np.array([1.4, 0.0, 0.1]), np.eye(3)), Orientation.FREE)
    misses = [solution.position_error for solution in solver.solutions(target, home)]
    assert 0.9 < min(misses) < 1.0


def test_the_same_question_has_the_same_answers(config: RobotConfig, home: np.ndarray) -> None:
    target = PoseTarget(Pose(np.array([0.2, 0.1, 0.1]), np.eye(3)), Orientation.FREE)
    first, second = ([s.position for s in IkSolver(Arm(config)).solutions(target, home)] for _ in range(2))
    assert len(first) == len(second)
    assert all((a == b).all() for a, b in zip(first, second))


def test_a_robot_without_tool_frame_cannot_be_solved_for(config: RobotConfig) -> None:
    with pytest.raises(ModelError, match="has no tool_frame"):
        IkSolver(Arm(config.model_copy(update={"tool_frame": ""})))


def test_an_unknown_tool_frame_names_the_valid_ones(config: RobotConfig) -> None:
    with pytest.raises(ModelError, match="valid: sites gripper_frame_link"):
        Arm(config.model_copy(update={"tool_frame": "flange"}))


def test_the_urdf_gives_the_same_tool_pose_as_the_mjcf(config: RobotConfig, arm: Arm, home: np.ndarray) -> None:
    urdf = Arm(config.model_copy(update={"mjcf": None}))
    assert np.allclose(urdf.tool_pose(home).position, arm.tool_pose(home).position, atol=1e-6)


def test_home_touches_nothing_and_an_arm_in_the_table_is_seen(arm: Arm, home: np.ndarray) -> None:
    assert arm.collision(home, {}) is None
    low = home.copy()
    low[arm.limits.index["shoulder_lift"]] = 1.2
    collision = arm.collision(low, {})
    assert collision is not None and collision.second == GROUND and collision.distance < 0.0


def test_without_ground_the_table_is_no_obstacle(config: RobotConfig, home: np.ndarray) -> None:
    arm = Arm(config, avoid_ground=False)
    low = home.copy()
    low[arm.limits.index["shoulder_lift"]] = 1.2
    assert arm.collision(low, {}) is None


def test_the_gripper_in_the_base_is_seen_and_what_touches_at_the_start_may_touch(arm: Arm) -> None:
    rng = np.random.default_rng(0)
    touching = next(
        position
        for position in (rng.uniform(arm.limits.lower, arm.limits.upper) for _ in range(2000))
        if (hit := arm.collision(position, {})) is not None and hit.second == "base_link"
    )
    assert arm.collision(touching, arm.contacts(touching)) is None

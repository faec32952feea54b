"""From frames to goals: leader arms by difference or absolutely, joints and tool by rates, and the gripper's direction."""

from __future__ import annotations

import numpy as np
import pytest

from strands_robots.description.robot_config import load_robot
from strands_robots.teleop.frame import InputFrame, TeleopMode
from strands_robots.teleop.making import make_mover
from strands_robots.teleop.mover import Mover
from strands_robots.teleop.teleop_options import TeleopOptions

from .arm import CONFIG, HOME, LIMITS, NAMES

PAN, GRIPPER = NAMES.index("shoulder_pan"), NAMES.index("gripper")


def follow(**positions: float) -> InputFrame:
    return InputFrame(0.0, TeleopMode.FOLLOW, positions=positions)


def mover(**options: object) -> Mover:
    return Mover(CONFIG, TeleopOptions(**{"speed": 1.0, **options}), None)  # type: ignore[arg-type]


def test_offset_keeps_the_difference_of_the_arms_and_closes_that_of_the_gripper() -> None:
    moved = mover()
    moved.begin(HOME, follow(shoulder_pan=1.0, gripper=1.0))
    start = moved.goal(follow(shoulder_pan=1.0, gripper=1.0), 1.0)
    assert start[PAN] == pytest.approx(HOME[PAN]) and start[GRIPPER] == 1.0
    assert moved.goal(follow(shoulder_pan=0.7, gripper=0.2), 1.0)[PAN] == pytest.approx(HOME[PAN] - 0.3)


def test_blend_goes_where_the_leader_is_within_the_robots_limits() -> None:
    moved = mover(engaging="blend")
    moved.begin(HOME, follow(shoulder_pan=1.0, elbow_flex=0.0))
    goal = moved.goal(follow(shoulder_pan=2.2, elbow_flex=0.0), 1.0)
    assert goal[PAN] == LIMITS.upper[PAN] and goal[NAMES.index("elbow_flex")] == 0.0
    assert goal[NAMES.index("wrist_roll")] == HOME[NAMES.index("wrist_roll")], "joints that the leader lacks stay"


def test_rates_turn_joints_and_open_the_gripper_whichever_way_it_is_counted() -> None:
    moved = mover()
    frame = InputFrame(0.0, TeleopMode.JOINTS, rates={"shoulder_pan": 0.5}, gripper=1.0)
    moved.begin(HOME, frame)
    goal = moved.goal(frame, 0.5)
    assert goal[PAN] == pytest.approx(HOME[PAN] + 0.5 * 0.5 * 0.02 * 3.0)
    assert goal[GRIPPER] > HOME[GRIPPER]
    gripper = CONFIG.gripper
    assert gripper is not None
    other = CONFIG.model_copy(
        update={"gripper": gripper.model_copy(update={"open": gripper.closed, "closed": gripper.open})}
    )
    turned = Mover(other, TeleopOptions(), None)
    turned.begin(HOME, frame)
    assert turned.goal(frame, 0.5)[GRIPPER] < HOME[GRIPPER]


def test_tool_without_a_tool_frame_is_named_and_nothing_moves() -> None:
    moved = mover()
    frame = InputFrame(0.0, TeleopMode.TOOL, linear=(1.0, 0.0, 0.0))
    moved.begin(HOME, frame)
    assert (moved.goal(frame, 1.0) == HOME).all() and "tool_frame" in moved.message


@pytest.mark.parametrize("robot", ["so101", "panda"])
@pytest.mark.parametrize("axis", range(3))
def test_tool_moves_along_the_axis_and_nowhere_else(robot: str, axis: int) -> None:
    from strands_robots.motion.arm import Arm

    config = load_robot(robot)
    limits = config.limits()
    home = np.array([config.home.get(name, 0.0) for name in limits.names])
    moved = make_mover(robot, config, TeleopOptions(speed=1.0))
    direction = np.zeros(3)
    direction[axis] = -1.0 if axis == 0 else 1.0
    frame = InputFrame(0.0, TeleopMode.TOOL, linear=tuple(direction))  # type: ignore[arg-type]
    moved.begin(home, frame)
    arm = Arm(config)
    before = arm.tool_pose(home).position
    for _ in range(15):
        goal = moved.goal(frame, 0.5)
    way = arm.tool_pose(goal).position - before
    assert moved.message == ""
    assert way == pytest.approx(15 * 0.5 * 0.02 * 0.2 * direction, abs=0.0015)
    still = [i for i in range(len(limits)) if i not in arm.tool_columns]
    assert (goal[still] == home[still]).all()


def test_tool_that_is_pushed_into_the_ground_stays_above_it_says_so_and_comes_back() -> None:
    from strands_robots.motion.arm import Arm

    moved = make_mover("so101", CONFIG, TeleopOptions(speed=1.0))
    down, up = (InputFrame(0.0, TeleopMode.TOOL, linear=(0.0, 0.0, sign)) for sign in (-1.0, 1.0))
    moved.begin(HOME, down)
    for _ in range(150):
        goal = moved.goal(down, 1.0)
    assert moved.refused > 0 and ("ground" in moved.message or "cannot get" in moved.message)
    assert Arm(CONFIG).collision(goal, {}) is None
    low = Arm(CONFIG).tool_pose(goal).position[2]
    for _ in range(10):
        goal = moved.goal(up, 1.0)
    assert moved.message == "" and Arm(CONFIG).tool_pose(goal).position[2] > low + 0.02

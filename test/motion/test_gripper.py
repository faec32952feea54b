"""A simulated SO-101 opens, closes, and grasps a cube."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strands_robots.core.errors import MotionError
from strands_robots.description.robot_config import RobotConfig, load_robot
from strands_robots.motion.gripper import Grip, grip
from strands_robots.motion.motion_reason import MotionReason
from strands_robots.motion.move_to import joint_target
from strands_robots.motion.task import GripTask

from .simulated import CUBE, GRASP, Simulated, scene_file


def grip_of(task: GripTask) -> Grip:
    assert task.grip is not None
    return task.grip


@pytest.mark.parametrize("fraction", [0.0, 0.3, 1.0])
def test_the_gripper_reaches_a_free_position(fraction: float) -> None:
    arm = Simulated()
    task = arm.grip(fraction)
    session = arm.session(task)
    arm.play(session)
    assert session.ending is not None and session.ending.reason is MotionReason.REACHED
    assert grip_of(task).fraction(arm.robot.position) == pytest.approx(fraction, abs=0.02)
    assert {chunk.joint_names for chunk in arm.chunks} == {("gripper",)}


@pytest.mark.parametrize("max_effort", [0.0, 0.4])
def test_closing_on_a_cube_stalls_and_holds_it(tmp_path: Path, max_effort: float) -> None:
    arm = Simulated(scene_file(tmp_path, CUBE), GRASP)
    task = arm.grip(0.0, max_effort)
    session = arm.session(task)
    arm.play(session)
    assert session.ending is not None and session.ending.reason is MotionReason.STALLED
    assert 0.05 < grip_of(task).fraction(arm.robot.position) < 0.4
    for _ in range(50):
        arm.tick()
    effort = abs(arm.robot.effort[-1])
    assert effort == pytest.approx(max_effort, abs=0.12) if max_effort else effort > 0.5
    # It holds: the cube comes along.
    lift = arm.session(arm.joints(["shoulder_lift"], [GRASP["shoulder_lift"] - 0.4]))
    arm.play(lift)
    assert lift.ending is not None and lift.ending.reason is MotionReason.REACHED
    assert arm.world.data.body("cube").xpos[2] > 0.05


def test_opening_after_a_grasp_lets_the_cube_go(tmp_path: Path) -> None:
    arm = Simulated(scene_file(tmp_path, CUBE), GRASP)
    arm.play(arm.session(arm.grip(0.0)))
    session = arm.session(arm.grip(0.5))
    arm.play(session)
    assert session.ending is not None and session.ending.reason is MotionReason.REACHED
    assert arm.world.data.body("cube").xpos[2] < 0.02


@pytest.fixture(scope="module")
def config() -> RobotConfig:
    return load_robot("so101")


def ask(config: RobotConfig, **changes: object) -> Grip:
    asked = {"position": 0.5, "is_fraction": True, "tolerance": 0.0, "max_effort": 0.0, "effort": [0.1] * 6, **changes}
    return grip(config, **asked)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"position": 1.1}, r"position is 1.1, a part of the way from closed \(0\) to open \(1\); valid: 0 to 1"),
        ({"position": float("nan")}, "position is nan"),
        ({"position": 2.0, "is_fraction": False}, "position is 2, a joint position; valid: -0.174533 to 1.74533"),
        ({"tolerance": -1.0}, "tolerance is -1"),
        ({"max_effort": 2.0}, "max_effort is 2; valid: above 0 and up to 1.47"),
        ({"max_effort": float("nan")}, "max_effort is nan"),
        ({"max_effort": 1.0, "effort": [0.0] * 6}, "the robot measures no effort; valid: 0"),
    ],
)
def test_a_grip_that_is_not_valid_is_refused(config: RobotConfig, changes: dict[str, object], message: str) -> None:
    with pytest.raises(MotionError, match=message) as caught:
        ask(config, **changes)
    assert caught.value.reason == "invalid_goal"


def test_a_robot_without_gripper_is_refused(config: RobotConfig) -> None:
    with pytest.raises(MotionError, match="has no gripper in its configuration; valid: MoveTo"):
        ask(config.model_copy(update={"gripper": None}))


def test_fraction_and_joint_position_are_the_same_grip(config: RobotConfig) -> None:
    half = ask(config)
    same = ask(config, position=half.target, is_fraction=False)
    assert half.target == pytest.approx((1.74533 - 0.174533) / 2.0)
    assert (same.target, same.tolerance) == (half.target, half.tolerance)
    assert half.fraction(np.full(6, half.target)) == pytest.approx(0.5)


@pytest.mark.parametrize(("position", "end"), [(1.0 + 1e-9, 1.0), (-1e-12, 0.0)])
def test_an_end_that_arithmetic_missed_is_taken_for_the_end(config: RobotConfig, position: float, end: float) -> None:
    assert ask(config, position=position).target == ask(config, position=end).target
    angle = {0.0: -0.174533, 1.0: 1.74533}[end]
    assert ask(config, position=angle + position - end, is_fraction=False).target == angle


def test_what_is_out_of_range_is_told_apart_from_the_end_that_it_misses(config: RobotConfig) -> None:
    with pytest.raises(MotionError, match=r"position is 1\.00001, .*valid: 0 to 1"):
        ask(config, position=1.00001)
    with pytest.raises(MotionError, match=r"is 2\.841212; valid: -2\.74385 to 2\.84121"):
        joint_target(config.limits(), ["wrist_roll"], [2.841212], 0.0)

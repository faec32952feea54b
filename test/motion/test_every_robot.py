"""What MoveTo and SetGripper do with every robot that comes with the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose
from strands_robots.core.share import robot_names
from strands_robots.motion.ik import Orientation

from .simulated import Simulated

# A cube of 4 cm under the Panda's hand at home.
PANDA_CUBE = """<body name="cube" pos="0.3069 0 0.487"><freejoint/>
  <geom type="box" size=".02 .02 .02" mass="0.1"/></body>
  <geom type="box" size=".05 .05 .01" pos="0.3069 0 0.4569"/>"""


@pytest.fixture(params=robot_names())
def arm(request: pytest.FixtureRequest) -> Simulated:
    return Simulated(robot=request.param)


def tool_position(arm: Simulated) -> np.ndarray:
    arm.robot.read()
    return arm.kinematics.arm.tool_pose(arm.robot.position).position


def test_joint_goal_is_reached_by_every_joint_together(arm: Simulated) -> None:
    names = list(arm.limits.names)
    middle = (arm.limits.lower + arm.limits.upper) / 2.0
    target = arm.home() + 0.15 * (middle - arm.home())
    session = arm.session(arm.joints(names, target.tolist()))
    arm.play(session)
    assert session.ending is not None and session.ending.reason == "reached", session.ending
    arm.robot.read()
    assert arm.robot.position == pytest.approx(target, abs=0.01)


def test_limits_are_kept_at_full_speed(arm: Simulated) -> None:
    name = arm.limits.names[0]
    session = arm.session(arm.joints([name], [0.9], speed=1.0))
    arm.play(session)
    assert session.ending is not None and session.ending.reason == "reached", session.ending
    targets = np.array(arm.targets)
    velocity = np.diff(targets, axis=0) / 0.01
    assert (np.abs(velocity) <= arm.limits.velocity * 1.001).all()
    assert (np.abs(np.diff(velocity, axis=0)) / 0.01 <= arm.limits.acceleration * 1.01).all()


def test_tool_goes_where_it_is_sent_with_its_whole_pose(arm: Simulated) -> None:
    kinematics = arm.kinematics.arm
    reachable = arm.home()
    reachable[:3] += [0.3, 0.2, -0.2]
    pose = kinematics.tool_pose(reachable)
    session = arm.session(arm.pose(pose, Orientation.FULL))
    arm.play(session)
    assert session.ending is not None and session.ending.reason == "reached", session.ending
    assert np.linalg.norm(tool_position(arm) - pose.position) < 0.003


def test_straight_way_stays_on_the_line(arm: Simulated) -> None:
    kinematics = arm.kinematics.arm
    start = kinematics.tool_pose(arm.home())
    end = Pose(start.position + np.array([0.02, 0.0, -0.03]), start.rotation)
    session = arm.session(arm.pose(end, Orientation.FREE, straight=True))
    arm.play(session)
    assert session.ending is not None and session.ending.reason == "reached", session.ending
    line = (end.position - start.position) / np.linalg.norm(end.position - start.position)
    for target in arm.targets:
        offset = kinematics.tool_pose(target).position - start.position
        assert np.linalg.norm(offset - line * (offset @ line)) < 0.003


def test_pose_under_the_ground_is_refused_and_nothing_moves(arm: Simulated) -> None:
    pose = Pose(np.array([0.3, 0.0, -0.5]), np.eye(3))
    session = arm.session(arm.pose(pose, Orientation.FREE))
    try:
        arm.play(session)
    except MotionError as error:
        assert error.reason in ("unreachable", "collision")
    else:
        assert session.ending is not None and session.ending.reason in ("unreachable", "collision")
    arm.robot.read()
    assert arm.robot.position == pytest.approx(arm.home(), abs=0.02)


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_gripper_closes_and_opens(arm: Simulated, fraction: float) -> None:
    if arm.config.gripper is None:
        pytest.skip("without a gripper")
    for wanted in (1.0 - fraction, fraction):
        session = arm.session(arm.grip(wanted))
        arm.play(session)
        assert session.ending is not None and session.ending.reason == "reached", session.ending


def test_panda_holds_a_cube_of_four_centimetres(tmp_path: Path) -> None:
    scene = tmp_path / "scene.xml"
    scene.write_text(f"<mujoco><worldbody>{PANDA_CUBE}</worldbody></mujoco>", encoding="utf-8")
    arm = Simulated(scene, robot="panda")
    session = arm.session(arm.grip(0.0))
    arm.play(session)
    assert session.ending is not None and session.ending.reason == "stalled", session.ending
    height = float(arm.world.data.body("cube").xpos[2])
    up = arm.session(arm.joints(["panda_joint2"], [arm.config.home["panda_joint2"] - 0.2], speed=0.3))
    arm.play(up)
    assert float(arm.world.data.body("cube").xpos[2]) > height + 0.05

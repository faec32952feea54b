"""What a robot is said to be able to do is what it can do."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose
from strands_robots.core.share import robot_names
from strands_robots.description.robot_config import load_robot
from strands_robots.motion.arm import Arm
from strands_robots.motion.capability import find_workspace, joint_units
from strands_robots.motion.ik import Orientation, PoseTarget
from strands_robots.motion.planner import MovePlanner

GRIPPERS = [name for name in robot_names() if load_robot(name).gripper is not None]


def test_tool_reaches_as_far_as_the_arm_is_long() -> None:
    found = find_workspace(Arm(load_robot("so101"), avoid_ground=False))
    assert found is not None
    assert 0.45 < found.reach < 0.6
    assert (found.lowest < found.highest).all() and found.highest[2] > 0.4


def test_units_say_which_joints_slide() -> None:
    assert joint_units(Arm(load_robot("panda")))[-1] == "m"
    assert set(joint_units(Arm(load_robot("so101")))) == {"rad"}


@pytest.mark.parametrize("name", GRIPPERS)
def test_gripper_says_how_wide_it_opens_and_its_fingers_are_that_far_apart(name: str) -> None:
    config = load_robot(name)
    assert config.gripper is not None and config.gripper.opening is not None
    arm = Arm(config, avoid_ground=False)
    spans = []
    for fraction in np.linspace(0.0, 1.0, 21):
        position = np.array([config.home.get(joint, 0.0) for joint in config.joints])
        for joint in config.gripper.joints:
            low, high = config.gripper.closed, config.gripper.open
            position[arm.limits.index[joint]] = low + fraction * (high - low)
        spans.append(finger_span(arm, position))
    assert max(spans) >= config.gripper.opening > 0.02


def finger_span(arm: Arm, position: np.ndarray) -> float:
    """Return how far the outermost points of what the gripper moves are from the tool, across it; twice that for two fingers [m]."""
    model, data = arm.model, arm._data
    gripper = arm.config.gripper
    assert gripper is not None and arm.tool is not None
    arm._place(position)
    _, site, body = arm.tool
    origin = data.site_xpos[site] if site >= 0 else data.xpos[body]
    rotation = (data.site_xmat[site] if site >= 0 else data.xmat[body]).reshape(3, 3)
    # Fingers of a gripper whose second one follows the first through an equality count as well.
    hand = {int(model.jnt_bodyid[joint]) for joint in range(model.njnt) if model.joint(joint).name in gripper.joints}
    parents = {int(model.body_parentid[each]) for each in hand}
    hand |= {
        each for each in range(model.nbody) if int(model.body_parentid[each]) in parents and model.body_dofnum[each]
    }
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
    corners = [
        (
            data.geom_xpos[geom]
            + (model.geom_aabb[geom, :3] + signs * model.geom_aabb[geom, 3:]) @ data.geom_xmat[geom].reshape(3, 3).T
            - origin
        )
        @ rotation
        for geom in range(model.ngeom)
        if int(model.geom_bodyid[geom]) in hand
    ]
    across = np.linalg.norm(np.concatenate(corners)[:, :2], axis=1).max()
    return float(across * (2.0 if len(hand) > 1 else 1.0))


def test_pose_that_is_named_as_the_nearest_can_be_had() -> None:
    config = load_robot("so101")
    arm = Arm(config)
    start = np.array([config.home.get(joint, 0.0) for joint in config.joints])
    planner = MovePlanner(arm)
    for wanted in ([0.8, 0.1, 0.2], [0.0, 0.9, 0.1], [0.3, 0.0, 0.9]):
        with pytest.raises(MotionError, match="the nearest reachable pose found is position") as caught:
            planner.plan(PoseTarget(Pose(np.array(wanted), np.eye(3)), Orientation.FREE, 0.002, 0.02), start)
        words = str(caught.value).partition("is position (")[2].partition(")")[0]
        nearest = np.array([float(part) for part in words.split(",")])
        planner.plan(PoseTarget(Pose(nearest, np.eye(3)), Orientation.FREE, 0.002, 0.02), start)

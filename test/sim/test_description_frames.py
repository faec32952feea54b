"""Every link of a robot's URDF is a frame, published once."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from strands_robots.description.robot_config import load_robot
from strands_robots.sim.query.frames import FrameTree
from strands_robots.sim.scene.description_frames import description_frames
from strands_robots.sim.world.world import RobotSpec, World, WorldConfig

from .urdf_kinematics import UrdfTree, rotation_from_rpy


@pytest.mark.parametrize("name", ["so101", "panda"])
def test_links_and_frames_are_the_same_and_none_comes_twice(name: str) -> None:
    config = load_robot(name)
    world = World(WorldConfig(robots=(RobotSpec("arm", config),)))
    tree = FrameTree(world)
    bodies = {frame.name for frame in (*tree.frames, *tree.fixed)}
    cameras = {camera.frame_id for camera in world.cameras.values()}
    added = description_frames(world, bodies | cameras)
    names = [frame for frame, *_ in added]
    assert names and len(set(names)) == len(names) and not set(names) & (bodies | cameras)
    assert config.urdf is not None
    links = {f"arm/{link}" for link in UrdfTree(config.urdf).links}
    assert links <= bodies | cameras | set(names)
    assert f"arm/{config.tool_frame}" in names


def test_pose_is_that_of_the_joint() -> None:
    config = load_robot("panda")
    world = World(WorldConfig(robots=(RobotSpec("arm", config),)))
    frames = {frame: (parent, position, turn) for frame, parent, position, turn in description_frames(world, set())}
    parent, position, turn = frames["arm/wrist_camera_link"]
    assert config.urdf is not None
    origin = UrdfTree(config.urdf).joints["wrist_camera_joint"].find("origin")
    assert origin is not None and parent == "arm/panda_hand"
    assert position == [float(part) for part in origin.attrib["xyz"].split()]
    rotation = np.empty(9)
    mujoco.mju_quat2Mat(rotation, np.array([turn[3], *turn[:3]]))
    expected = rotation_from_rpy(*(float(part) for part in origin.attrib["rpy"].split()))
    assert rotation.reshape(3, 3) == pytest.approx(expected, abs=1e-9)

"""Frames of the world, chained from parent to child, are where MuJoCo has the bodies."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from strands_robots.sim.frames import FrameTree
from strands_robots.sim.world import World
from strands_robots.sim.world_setup import world_config


def compose(tree: FrameTree, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Pose of a frame in the world: position (3,) [m] and quaternion wxyz."""
    row = next((i for i, frame in enumerate(tree.frames) if frame.name == name), None)
    if row is None:
        return np.zeros(3), np.array([1.0, 0.0, 0.0, 0.0])
    position, quaternion = compose(tree, tree.frames[row].parent)
    offset, rotation = np.empty(3), np.empty(4)
    mujoco.mju_rotVecQuat(offset, tree.positions[row], quaternion)
    mujoco.mju_mulQuat(rotation, quaternion, tree.quaternions[row][[3, 0, 1, 2]])
    return position + offset, rotation


def test_frames_chain_to_the_poses_of_the_bodies() -> None:
    world = World(world_config(["left=so101@0.1,0.2,0.0,0.7", "right=so101"], "", 0.002, 30.0))
    world.robots["left"].set_target(np.array([0.5, -0.3, 0.4, 0.2, 1.0, 0.5]))
    world.step(500)
    tree = FrameTree(world)
    tree.read()
    names = [frame.name for frame in tree.frames]
    assert {"left/base_link", "right/base_link", "left/gripper_link"} <= set(names)
    assert {frame.parent for frame in tree.frames} <= {"world", *names}, "one tree"
    for name in names:
        position, quaternion = compose(tree, name)
        assert position == pytest.approx(world.data.body(name).xpos, abs=1e-9)
        assert abs(quaternion @ world.data.body(name).xquat) == pytest.approx(1.0, abs=1e-9)


def test_cameras_hang_on_frames_of_the_tree() -> None:
    world = World(world_config(["so101=so101"], "", 0.002, 30.0))
    names = {frame.name for frame in FrameTree(world).frames} | {"world"}
    assert {camera.parent_frame for camera in world.cameras.values()} <= names

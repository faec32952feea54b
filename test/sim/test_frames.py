"""Frames of the world, chained from parent to child, are where MuJoCo has the bodies."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from strands_robots.sim.edit.editing import edit
from strands_robots.sim.edit.edits import AddBody
from strands_robots.sim.edit.shapes import Shape
from strands_robots.sim.query.frames import FrameTree
from strands_robots.sim.world.world import World
from strands_robots.sim.world.world_setup import world_config


def compose(tree: FrameTree, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Pose of a frame in the world: position (3,) [m] and quaternion wxyz."""
    for frames, (positions, quaternions) in (  # noqa: B007
        (tree.frames, (tree.positions, tree.quaternions)), (tree.fixed, tree.fixed_poses()),
    ):  # fmt: skip
        row = next((i for i, frame in enumerate(frames) if frame.name == name), None)
        if row is not None:
            break
    else:
        return np.zeros(3), np.array([1.0, 0.0, 0.0, 0.0])
    position, quaternion = compose(tree, frames[row].parent)
    offset, rotation = np.empty(3), np.empty(4)
    mujoco.mju_rotVecQuat(offset, positions[row], quaternion)
    mujoco.mju_mulQuat(rotation, quaternion, quaternions[row][[3, 0, 1, 2]])
    return position + offset, rotation


def test_frames_chain_to_the_poses_of_the_bodies() -> None:
    world = World(world_config(["left=so101@0.1,0.2,0.0,0.7", "right=so101"], "", 0.002, 30.0))
    cube = Shape("box", [0.02, 0.02, 0.02], mass=0.1)
    edit(world, [
        AddBody("cube", [cube], position=(0.5, 0.5, 0.3), quaternion=(0.1, 0.2, 0.3, 0.9), is_free=True),
        AddBody("table", [cube], position=(1.0, 0.0, 0.2), quaternion=(0.0, 0.0, 0.6, 0.8)),
    ])  # fmt: skip
    world.robots["left"].set_target(np.array([0.5, -0.3, 0.4, 0.2, 1.0, 0.5]))
    world.step(500)
    tree = FrameTree(world)
    tree.read()
    moving, fixed = ([frame.name for frame in frames] for frames in (tree.frames, tree.fixed))
    assert {"left/gripper_link", "cube"} <= set(moving)
    assert {"left/base_link", "right/base_link", "table"} <= set(fixed)
    names = [*moving, *fixed]
    assert {frame.parent for frame in (*tree.frames, *tree.fixed)} <= {"world", *names}, "one tree"
    for name in names:
        position, quaternion = compose(tree, name)
        assert position == pytest.approx(world.data.body(name).xpos, abs=1e-9)
        assert abs(quaternion @ world.data.body(name).xquat) == pytest.approx(1.0, abs=1e-9)


def test_cameras_hang_on_frames_of_the_tree() -> None:
    world = World(world_config(["so101=so101"], "", 0.002, 30.0))
    tree = FrameTree(world)
    names = {frame.name for frame in (*tree.frames, *tree.fixed)} | {"world"}
    assert {camera.parent_frame for camera in world.cameras.values()} <= names

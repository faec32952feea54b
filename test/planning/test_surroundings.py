"""What the sources say stands around a robot, and the scene that a request makes of it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from strands_robots.core.errors import MotionError, UnknownNameError
from strands_robots.core.pose import Pose, rotation_matrix
from strands_robots.planning.surroundings import Surroundings, WorldBody, WorldGeom, world_surroundings

from .scenes import box

SIZE = np.array([0.02, 0.03, 0.04])
BASE = Pose(np.array([1.0, 2.0, 0.5]), rotation_matrix(np.array([0.0, 0.0, np.pi / 2])))


def at(x: float, y: float, z: float) -> Pose:
    return Pose(np.array([x, y, z]), np.eye(3))


def bodies() -> list[WorldBody]:
    return [
        WorldBody("arm/base_link", "world", BASE),
        WorldBody("arm/gripper", "arm/base_link", BASE),
        WorldBody("other/base_link", "world", at(0.0, 0.0, 0.0)),
        WorldBody("cup", "world", at(1.0, 2.3, 0.5)),
        WorldBody("handle", "cup", at(1.0, 2.35, 0.5)),
    ]


def geoms() -> list[WorldGeom]:
    return [
        WorldGeom("floor", "world", "plane", np.zeros(3), at(0.0, 0.0, 0.5)),
        WorldGeom("arm/gripper/#3", "arm/gripper", "box", SIZE, at(1.0, 2.2, 0.5)),
        WorldGeom("other/#1", "other/base_link", "mesh", SIZE, at(0.0, 0.0, 0.1)),
        WorldGeom("#5", "cup", "cylinder", SIZE, at(1.0, 2.3, 0.5)),
        WorldGeom("#6", "handle", "box", SIZE, at(1.0, 2.35, 0.5)),
    ]


def scene(surroundings: Surroundings, held: tuple[str, ...] = (), may_touch: tuple[str, ...] = ()):
    return surroundings.scene(held, may_touch, 0.002, "gripper", at(0.2, 0.0, 0.0), ["base_link", "gripper"])


def test_the_world_is_seen_from_the_base_without_the_robot_and_its_ground() -> None:
    around = world_surroundings("arm", "base_link", bodies(), geoms(), ground=0.0)
    assert around.objects == {"other": ("other",), "cup": ("cup/0", "cup/1")}
    cup = next(shape for shape in around.shapes if shape.name == "cup/0")
    assert cup.pose.position == pytest.approx([0.3, 0.0, 0.0]), "ahead of the robot, which looks along the world's y"
    assert next(shape for shape in around.shapes if shape.name.startswith("other")).kind == "box", "around a mesh"
    with_floor = world_surroundings("arm", "base_link", bodies(), geoms(), ground=None)
    assert {shape.kind for shape in with_floor.shapes} - {shape.kind for shape in around.shapes} == {"plane"}


def test_what_is_held_leaves_the_surroundings_and_moves_with_the_link() -> None:
    around = world_surroundings("arm", "base_link", bodies(), geoms(), ground=0.0)
    made = scene(around, held=("cup",), may_touch=("other",))
    assert [shape.name for shape in made.shapes] == ["other"]
    assert {entry.shape.name: entry.shape.pose.position.round(6).tolist() for entry in made.attached} == {
        "cup/0": [0.1, 0.0, 0.0],
        "cup/1": [0.15, 0.0, 0.0],
    }
    assert set(made.allowed) == {
        ("other", part) for part in ("base_link", "gripper", "cup/0", "cup/1")
    }  # fmt: skip
    for names in ({"held": ("cop",)}, {"may_touch": ("cop",)}):
        with pytest.raises(UnknownNameError, match=r"'cop'; valid: .*cup.*did you mean 'cup'"):
            scene(around, **names)


def test_a_change_is_said_but_not_that_of_what_is_held() -> None:
    around = world_surroundings("arm", "base_link", bodies(), geoms(), ground=0.0)
    moved = [dataclasses.replace(geom, pose=at(1.0, 2.9, 0.5)) if geom.body == "cup" else geom for geom in geoms()]
    later = world_surroundings("arm", "base_link", bodies(), moved, ground=0.0)
    assert "'cup/0' has moved by 600.0 mm" in later.change_from(around, held=())
    assert "cup/1" not in later.change_from(around, held=()) and later.change_from(around, held=("cup",)) == ""
    post = Surroundings((box("post", (0.0, 0.5, 0.0), (0.1, 0.1, 0.1)),))
    assert around.joined(post).change_from(around, held=()) == "'post' is new"


def test_terrain_and_a_robot_that_is_not_there_are_refused() -> None:
    terrain = WorldGeom("hills", "world", "hfield", SIZE, at(0.0, 0.0, 0.0))
    with pytest.raises(MotionError, match="the world has terrain"):
        world_surroundings("arm", "base_link", bodies(), [terrain], ground=0.0)
    with pytest.raises(MotionError, match="no robot 'leg'") as error:
        world_surroundings("leg", "base_link", bodies(), geoms(), ground=0.0)
    assert error.value.reason == "world_failed"

"""Loading and writing scenes, what may be loaded, and checkpoints."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import mujoco
import numpy as np
import pytest

from strands_robots.core.errors import ConfigurationError, ModelError, UnknownNameError, WorldError
from strands_robots.sim.edit.checkpoints import Checkpoints
from strands_robots.sim.edit.editing import edit
from strands_robots.sim.edit.edits import AddBody
from strands_robots.sim.edit.export import export_mjcf
from strands_robots.sim.edit.model_files import ModelGuard
from strands_robots.sim.edit.shapes import Shape
from strands_robots.sim.world.world import World

from .arms import one_arm_world

SCENE = """
<mujoco>
  <worldbody>
    <geom name="floor" type="plane" size="0 0 0.05"/>
    <body name="ball" pos="1 1 0.5"><freejoint name="ball"/><geom size="0.05" mass="0.1"/></body>
  </worldbody>
  <keyframe><key name="high" qpos="1 1 2 1 0 0 0"/></keyframe>
</mujoco>
"""


@pytest.fixture
def world() -> World:
    return one_arm_world()


def load_text(world: World, xml: str) -> None:
    world.load(dataclasses.replace(world.config, scene=None, scene_xml=xml, cameras={}))


def test_new_surroundings_keep_time_and_robots(world: World) -> None:
    robot = world.robots["arm"]
    robot.set_target(np.array([-0.5, 1.0]))
    world.step(40)
    robot.read()
    before, time = robot.position.copy(), world.time
    load_text(world, SCENE)
    assert world.robots["arm"] is robot and world.time == time
    np.testing.assert_array_equal(robot.position, before)
    world.step(1000)
    robot.read()
    np.testing.assert_allclose(robot.position, [-0.5, 1.0], atol=0.03)
    assert world.data.body("ball").xpos[2] == pytest.approx(0.05, abs=1e-3)


def test_reset_to_a_keyframe_moves_all_but_the_robots(world: World) -> None:
    load_text(world, SCENE)
    world.step(10)
    world.reset(3, "high")
    assert (world.time, world.seed) == (0.0, 3)
    assert world.data.body("ball").xpos[2] == pytest.approx(2.0)
    np.testing.assert_allclose(world.robots["arm"].position, [0.4, 0.6])
    with pytest.raises(UnknownNameError, match="unknown keyframe 'hihg'; valid: high"):
        world.reset(0, "hihg")


@pytest.mark.parametrize(
    ("xml", "words"),
    [
        ("<mujoco><worldbody><geom size='-1'/></worldbody></mujoco>", "MuJoCo says: .*size"),
        ("<mujoco><worldbody><geom siez='1'/></worldbody></mujoco>", "MuJoCo says: .*unrecognized attribute: 'siez'"),
        ("<mujoco", "MuJoCo says: "),
    ],
)
def test_bad_surroundings_are_refused_in_the_words_of_mujoco_and_change_nothing(
    world: World, xml: str, words: str
) -> None:
    before = world.model, world.get_state().tobytes(), world.generation
    with pytest.raises(ModelError, match=words):
        load_text(world, xml)
    assert (world.model, world.get_state().tobytes(), world.generation) == before
    world.step(10)


def test_exported_world_is_the_same_world(world: World) -> None:
    edit(world, [AddBody("cube", [Shape("box", [0.02] * 3, mass=0.1)], position=(0.5, 0.5, 0.02), is_free=True)])
    model = mujoco.MjModel.from_xml_string(export_mjcf(world))
    assert (model.nq, model.nu, model.ngeom) == (world.model.nq, world.model.nu, world.model.ngeom)
    np.testing.assert_allclose(model.body_mass, world.model.body_mass, rtol=1e-6)


def test_checkpoint_brings_the_same_future(world: World) -> None:
    checkpoints = Checkpoints(world)
    world.robots["arm"].set_target(np.array([-0.5, 1.0]))
    world.step(50)
    checkpoints.save("before")
    world.step(100)
    future = world.get_state().tobytes()
    checkpoints.load("before")
    world.step(100)
    assert world.get_state().tobytes() == future
    assert checkpoints.names == ["before"]


def test_checkpoint_of_a_world_that_was_changed_is_refused(world: World) -> None:
    checkpoints = Checkpoints(world)
    checkpoints.save("old")
    edit(world, [AddBody("post", [Shape("box", [0.02] * 3)])])
    with pytest.raises(WorldError, match="the world was changed after checkpoint 'old' was saved; valid: none"):
        checkpoints.load("old")
    with pytest.raises(UnknownNameError, match="unknown checkpoint 'new'"):
        checkpoints.load("new")
    with pytest.raises(ConfigurationError, match="valid: a letter"):
        checkpoints.save("../x")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    (allowed / "scene.xml").write_text(SCENE, encoding="utf-8")
    (tmp_path / "secret.xml").write_text(SCENE, encoding="utf-8")
    (allowed / "link.xml").symlink_to(tmp_path / "secret.xml")
    return allowed


def test_file_below_the_folder_is_found(folder: Path) -> None:
    guard = ModelGuard([folder])
    assert guard.scene("scene.xml") == guard.scene(str(folder / "scene.xml")) == (folder / "scene.xml").resolve()


@pytest.mark.parametrize(
    "file",
    [
        "",
        "../secret.xml",
        "link.xml",
        "/etc/passwd",
        "scene.mjb",
        "nothing.xml",
        "a\0.xml",
        "x/../scene.xml",
        "~root/a.xml",
    ],
)
def test_other_files_are_refused(folder: Path, file: str) -> None:
    with pytest.raises(ConfigurationError, match="valid: "):
        ModelGuard([folder]).scene(file)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<include file='../secret.xml'/>", "lies outside"),
        ("<include file='/etc/passwd'/>", "lies outside"),
        ("<include file='missing.xml'/>", "does not exist"),
        ("<asset><mesh file='../../m.stl'/></asset>", "lies outside"),
        ("<compiler meshdir='/tmp/'/><asset><mesh file='m.stl'/></asset>", "lies outside"),
        ("<asset><texture file='/etc/hostname'/></asset>", "lies outside"),
        ("<asset><model file='../secret.xml' name='m'/></asset>", "lies outside"),
        ("<worldbody><replicate count='100000'><geom size='1'/></replicate></worldbody>", "100000 copies"),
        ("<worldbody><replicate count='200'><replicate count='200'/></replicate></worldbody>", "40000 copies"),
        ("<asset><texture builtin='flat' width='100000' height='100000'/></asset>", "at most 8192"),
        ("<size memory='1000G'/>", "at most 1G"),
        ("<a>" * 300 + "</a>" * 300, "inside of each other"),
        ("<a", "is not XML"),
    ],
)
def test_models_that_reach_out_or_explode_are_refused(folder: Path, body: str, words: str) -> None:
    (folder / "bad.xml").write_text(f"<mujoco>{body}</mujoco>", encoding="utf-8")
    (folder / "outer.xml").write_text("<mujoco><include file='bad.xml'/></mujoco>", encoding="utf-8")
    for name in ("bad.xml", "outer.xml"):
        with pytest.raises(ModelError, match=words):
            ModelGuard([folder]).scene(name)


BOMB = '<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;&x;&x;">]><mujoco model="&y;"/>'


def test_xml_bombs_are_refused_before_they_are_parsed(folder: Path) -> None:
    (folder / "bomb.xml").write_text(BOMB, encoding="utf-8")
    (folder / "wide.xml").write_text(BOMB, encoding="utf-16")
    guard = ModelGuard([folder])
    with pytest.raises(ModelError, match="declares a document type"):
        guard.scene("bomb.xml")
    with pytest.raises(ModelError, match="is not UTF-8"):
        guard.scene("wide.xml")
    with pytest.raises(ModelError, match="declares a document type"):
        guard.text(BOMB)


def test_text_may_name_files_only_by_absolute_paths_below_the_folder(folder: Path) -> None:
    guard = ModelGuard([folder])
    inside = f"<mujoco><asset><mesh file='{folder}/m.stl'/></asset></mujoco>"
    assert guard.text(inside) == inside
    for name in ("m.stl", "/etc/m.stl"):
        with pytest.raises(ModelError, match="valid: "):
            guard.text(f"<mujoco><asset><mesh file='{name}'/></asset></mujoco>")
    with pytest.raises(ModelError, match="includes another file"):
        guard.text("<mujoco><include file='scene.xml'/></mujoco>")


def test_without_folders_no_file_may_be_loaded() -> None:
    with pytest.raises(ConfigurationError, match="no folder"):
        ModelGuard([]).scene("scene.xml")

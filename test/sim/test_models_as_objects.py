"""Model files that are added to a world as objects, and worlds that are made anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strands_robots.core.errors import ConfigurationError, ModelError, StrandsRobotsError, UnknownNameError, WorldError
from strands_robots.sim.edit.editing import edit
from strands_robots.sim.edit.edits import AddBody, DeleteBody
from strands_robots.sim.edit.entities import EntityKind, entities, entity, overlaps_sphere
from strands_robots.sim.edit.model_edits import AddModel, ModelSource, is_robot
from strands_robots.sim.edit.model_files import ModelGuard
from strands_robots.sim.edit.shapes import Shape
from strands_robots.sim.edit.world_edits import AddRobot, RemoveRobot
from strands_robots.sim.query.describe import object_names
from strands_robots.sim.scene.terrain import Terrain
from strands_robots.sim.world.inspection import Still, take_snapshot
from strands_robots.sim.world.world import RobotSpec, World, WorldConfig

from .arms import one_arm_world

BOX = "<geom type='box' size='.02 .02 .02' mass='.1'/>"
FREE = f"<mujoco><worldbody><body name='b'><freejoint/>{BOX}</body></worldbody></mujoco>"
FIXED = f"<mujoco><worldbody><light/><geom type='plane' size='1 1 1'/>{BOX}</worldbody></mujoco>"
DOOR = (
    f"<mujoco><worldbody><body name='leaf'><joint name='hinge'/>{BOX}</body></worldbody>"
    "<sensor><jointpos name='angle' joint='hinge'/></sensor></mujoco>"
)
TWO_FREE = f"<mujoco><worldbody><body><freejoint/>{BOX}</body><body><freejoint/>{BOX}</body></worldbody></mujoco>"
TIN = (
    "<robot name='tin'><link name='tin'><inertial><mass value='0.2'/><inertia ixx='1e-4' iyy='1e-4' izz='1e-4' ixy='0' ixz='0' iyz='0'/>"
    "</inertial><collision><geometry><cylinder radius='0.03' length='0.1'/></geometry></collision></link></robot>"
)
AWAY = (1.0, 1.0, 0.5)


@pytest.mark.parametrize(("text", "falls"), [(FREE, True), (FIXED, False), (DOOR, False), (TIN, True)])
def test_model_is_an_object_that_moves_if_the_file_says_so(text: str, falls: bool) -> None:
    world = one_arm_world()
    edit(world, [AddModel("thing", ModelSource(text=text), AWAY)])
    assert "thing" in object_names(world)
    world.step(300)
    assert (world.data.body("thing").xpos[2] < 0.2) == falls
    edit(world, [DeleteBody("thing")])
    left = {name for name in world.spec.to_xml().split('"') if name.startswith("thing/")}
    assert left <= {"thing/main"}, "MuJoCo cannot delete default classes, everything else is gone"
    world.step(10)


@pytest.mark.parametrize(
    ("add", "words"),
    [
        (AddModel("arm", ModelSource(text=FREE)), "exists already"),
        (AddModel("../x", ModelSource(text=FREE)), "valid: a letter"),
        (AddModel("x", ModelSource(text="<mujoco")), "MuJoCo says"),
        (AddModel("x", ModelSource(text="<robot")), "is not XML"),
        (AddModel("x", ModelSource(text=TWO_FREE)), "valid: one, or none free"),
        (AddModel("x", ModelSource(text=FREE), (np.nan, 0.0, 0.0)), "finite"),
    ],
)
def test_model_that_cannot_be_added_changes_nothing(add: AddModel, words: str) -> None:
    world = one_arm_world()
    before = world.model_sha256
    with pytest.raises(StrandsRobotsError, match=words):
        edit(world, [add])
    assert world.model_sha256 == before


def test_models_with_actuators_and_urdfs_with_joints_are_robots() -> None:
    arms = Path(__file__).parents[1] / "data"
    assert is_robot(ModelSource(arms / "two_joint_arm.urdf"), "a") and is_robot(
        ModelSource(arms / "two_joint_arm.xml"), "a"
    )
    assert not is_robot(ModelSource(text=TIN), "a") and not is_robot(ModelSource(text=DOOR), "a")


def test_entities_are_robots_and_objects_with_their_kinds() -> None:
    world = one_arm_world()
    edit(
        world,
        [AddModel("door", ModelSource(text=DOOR), AWAY), AddModel("wall", ModelSource(text=FIXED), (3.0, 0.0, 0.5))],
    )
    still = Still(take_snapshot(world))
    assert {each.name: each.kind for each in entities(world, still)} == {
        "arm": EntityKind.ROBOT, "door": EntityKind.MOVING, "wall": EntityKind.FIXED,
    }  # fmt: skip
    found = [
        each.name for each in entities(world, still) if overlaps_sphere(still, each, np.array([3.0, 0.0, 0.5]), 0.1)
    ]
    assert found == ["wall"]
    with pytest.raises(UnknownNameError, match="door, wall"):
        entity(world, still, "nobody")


def test_world_is_made_with_gravity_timestep_and_ground() -> None:
    world = World(WorldConfig(robots=(), timestep=0.001, gravity=(0.0, 0.0, -1.6), ground=Terrain("stairs", size=2.0)))
    assert world.model.opt.gravity.tolist() == [0.0, 0.0, -1.6]
    assert (world.timestep, world.model.nhfield) == (0.001, 1)
    with pytest.raises(ConfigurationError, match="gravity is"):
        WorldConfig(robots=(), gravity=(0.0, 0.0, np.nan))


def test_world_is_made_anew_without_robots_and_time_goes_on() -> None:
    world = one_arm_world()
    edit(world, [AddBody("cube", [Shape("box", [0.02] * 3, mass=0.1)], position=AWAY, is_free=True)])
    world.step(10)
    world.load(WorldConfig(robots=()))
    assert (list(world.robots), object_names(world), world.model.nq) == ([], [], 0)
    assert world.time == pytest.approx(10 * world.timestep)
    world.step(10)
    world.reset(1)
    world.close()


def test_robot_replaced_in_one_request_is_a_new_one_at_home_and_the_other_goes_on() -> None:
    world = one_arm_world()
    old = world.robots["arm"]
    config = old.config
    edit(world, [AddRobot(RobotSpec("other", config, (1.0, 0.0, 0.0)))])
    assert world.robots["arm"] is old
    for robot in world.robots.values():
        robot.set_target(robot.home + 0.3)
    world.step(300)
    edit(world, [RemoveRobot("arm"), AddRobot(RobotSpec("arm", config))])
    assert world.robots["arm"] is not old
    assert world.robots["arm"].position == pytest.approx(world.robots["arm"].home)
    assert (world.robots["other"].position > world.robots["other"].home + 0.1).any()


def test_compiled_model_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "world.mjb").write_bytes(b"\0" * 100)
    with pytest.raises(ConfigurationError, match="valid: the MJCF that it was made from"):
        ModelGuard([tmp_path]).scene("world.mjb")


def test_exported_world_loads_again(tmp_path: Path) -> None:
    world = one_arm_world()
    edit(world, [AddModel("thing", ModelSource(text=FREE), AWAY)])
    again = World(WorldConfig(robots=(), scene_xml=world.spec.to_xml()))
    assert again.model.nq == world.model.nq
    with pytest.raises((ModelError, WorldError)):
        edit(again, [AddModel("thing", ModelSource(text=FREE))])


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ("<option gravity='nan 0 0'/>", "gravity is"),
        (
            "<worldbody>" + "<body><freejoint/><geom size='1'/></body>" * 150 + "</worldbody>",
            "contacts; valid: at most",
        ),
    ],
)
def test_scene_of_which_no_simulation_comes_is_refused_and_the_world_is_as_it_was(inside: str, words: str) -> None:
    world = one_arm_world()
    before = world.model_sha256
    with pytest.raises(ModelError, match=words):
        world.load(WorldConfig(robots=world.config.robots, scene_xml=f"<mujoco>{inside}</mujoco>"))
    assert world.model_sha256 == before
    world.step(10)

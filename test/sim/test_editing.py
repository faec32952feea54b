"""Edits of a world: all or none, and the state of what still exists stays."""

from __future__ import annotations

import math
from collections.abc import Callable

import mujoco
import numpy as np
import pytest

from strands_robots.core.errors import ConfigurationError, ModelError, StrandsRobotsError, UnknownNameError, WorldError
from strands_robots.description.robot_config import CameraConfig
from strands_robots.sim.edit.editing import edit
from strands_robots.sim.edit.edits import (
    AddBody,
    AddJoint,
    AddShape,
    AddSite,
    Attach,
    DeleteBody,
    Detach,
    Edit,
    SetPose,
)
from strands_robots.sim.edit.export import export_mjcf
from strands_robots.sim.edit.property_edits import SetProperty
from strands_robots.sim.edit.shapes import Shape
from strands_robots.sim.edit.world_edits import AddCamera, AddRobot, RemoveCamera, RemoveRobot, SetGround
from strands_robots.sim.query import queries
from strands_robots.sim.scene.terrain import Terrain
from strands_robots.sim.world.inspection import Still, take_snapshot
from strands_robots.sim.world.world import RobotSpec, World

from .arms import arm, one_arm_world, two_arm_world

CUBE = Shape("box", [0.02, 0.02, 0.02], mass=0.1)


def cube(name: str, x: float, z: float = 0.02) -> AddBody:
    return AddBody(name, [CUBE], position=(x, 1.0, z), is_free=True)


def body(world: World, name: str) -> queries.BodyView:
    return queries.bodies(Still(take_snapshot(world)), [name])[0]


def names(world: World) -> set[str]:
    return {view.name for view in queries.bodies(Still(take_snapshot(world)))}


@pytest.fixture
def world() -> World:
    return one_arm_world()


@pytest.mark.parametrize(
    "shape",
    [
        Shape("box", [0.02, 0.03, 0.04], mass=0.1),
        Shape("sphere", [0.03], mass=0.1),
        Shape("cylinder", [0.02, 0.05], mass=0.1),
        Shape("capsule", [0.02, 0.05], mass=0.1),
        Shape("ellipsoid", [0.02, 0.03, 0.04], mass=0.1),
    ],
    ids=lambda shape: shape.kind,
)
def test_object_of_each_kind_lies_on_the_floor(world: World, shape: Shape) -> None:
    edit(world, [AddBody("thing", [shape], position=(0.0, 1.0, 0.1), is_free=True)])
    world.step(1000)
    view = body(world, "thing")
    assert 0.01 < view.position[2] < 0.08
    assert view.mass == pytest.approx(0.1)


def test_editing_keeps_time_and_state_of_what_still_exists(world: World) -> None:
    edit(world, [cube("a", 0.0, 0.5), cube("b", 0.2, 0.5)])
    world.robots["arm"].set_target(np.array([-0.5, 1.0]))
    world.step(60)
    robot = world.robots["arm"]
    robot.read()
    before = world.time, body(world, "b"), robot.position.copy(), robot.velocity.copy(), world.data.ctrl.copy()
    edit(world, [DeleteBody("a"), cube("c", 0.4)])
    assert world.robots["arm"] is robot
    robot.read()
    after = body(world, "b")
    assert world.time == before[0] and names(world) >= {"b", "c"} and "a" not in names(world)
    np.testing.assert_array_equal(after.position, before[1].position)
    np.testing.assert_allclose(after.linear_velocity, before[1].linear_velocity, atol=1e-12)
    np.testing.assert_array_equal(robot.position, before[2])
    np.testing.assert_array_equal(robot.velocity, before[3])
    np.testing.assert_array_equal(world.data.ctrl, before[4])


@pytest.mark.parametrize(
    ("refused", "kind", "words"),
    [
        (cube("a", 0.0), WorldError, "'a' exists already"),
        (AddBody("arm", [CUBE]), WorldError, "'arm' exists already"),
        (AddBody("x y", [CUBE]), ConfigurationError, "valid: a letter, then up to 62"),
        (AddBody("x", [Shape("cone", [0.1])]), UnknownNameError, "unknown kind of shape 'cone'; valid: box"),
        (AddBody("x", [Shape("box", [0.1])]), ConfigurationError, "3 numbers"),
        (AddBody("x", [Shape("sphere", [math.nan])]), ConfigurationError, "1 numbers"),
        (AddBody("x", [Shape("sphere", [-1.0])]), ConfigurationError, "from 1e-05 to 1000"),
        (AddBody("x", [Shape("sphere", [0.1])], is_free=True), ConfigurationError, "has no mass"),
        (AddBody("x", [CUBE], parent="a", is_free=True), ConfigurationError, "free inside of 'a'"),
        (AddBody("x", [CUBE], position=(0.0, 0.0, math.inf)), WorldError, "valid: finite"),
        (AddBody("x", [CUBE], parent="nothing"), UnknownNameError, "unknown body 'nothing'"),
        (DeleteBody("arm/fore_link"), WorldError, "belongs to the world itself or to a robot"),
        (DeleteBody("world"), WorldError, "belongs to the world itself"),
        (AddJoint("a", "j", axis=(0.0, 0.0, 0.0)), ConfigurationError, "length zero"),
        (AddJoint("a", "j"), ModelError, "MuJoCo says: .*more than 6 dofs"),
        (Attach("a", "a"), WorldError, "two bodies"),
        (Detach("a"), UnknownNameError, "unknown attached body 'a'; valid: none"),
        (RemoveCamera("arm/wrist"), UnknownNameError, "unknown camera 'arm/wrist'; valid: overhead"),
        (AddCamera("c", look_at=(0.0, 0.0, 0.0)), ConfigurationError, "the point where it is"),
        (AddCamera("overhead", position=(0.0, 0.0, 1.0)), WorldError, "exists already"),
        (RemoveRobot("leg"), UnknownNameError, "unknown robot 'leg'; valid: arm"),
        (SetProperty("joint", "arm/elbow", "colour", [1.0]), UnknownNameError, "valid: armature, damping"),
        (SetProperty("option", "", "gravity", [1.0]), ConfigurationError, "3 numbers"),
        (SetProperty("joint", "arm/elbow", "range", [1.0, -1.0]), WorldError, "lowest below highest"),
        (SetGround(Terrain("holes")), UnknownNameError, "valid: flat, rough, slope, stairs"),
    ],
)  # fmt: skip
def test_refused_edit_undoes_the_ones_before_it(
    world: World, refused: Edit, kind: type[StrandsRobotsError], words: str
) -> None:
    edit(world, [cube("a", 0.0)])
    world.step(10)
    before = world.generation, world.get_state().tobytes(), world.spec.to_xml()
    with pytest.raises(kind, match=words):
        edit(world, [cube("b", 0.3), SetProperty("option", "", "gravity", [0.0, 0.0, -1.0]), refused])
    assert (world.generation, world.get_state().tobytes(), world.spec.to_xml()) == before
    world.step(10)


def test_welded_object_stays_where_it_was_against_its_carrier(world: World) -> None:
    edit(world, [cube("a", 0.0, 0.5)])
    edit(world, [Attach("a", "arm/fore_link")])
    held = body(world, "a").position - body(world, "arm/fore_link").position
    world.step(200)
    np.testing.assert_allclose(body(world, "a").position - body(world, "arm/fore_link").position, held, atol=5e-3)
    edit(world, [Detach("a")])
    world.step(200)
    assert body(world, "a").position[2] < 0.4


def test_moved_object_is_there_now_and_after_a_reset(world: World) -> None:
    edit(world, [cube("a", 0.0), AddBody("table", [Shape("box", [0.3, 0.3, 0.02])], position=(2.0, 0.0, 0.3))])
    world.step(5)
    edit(world, [SetPose("a", (2.0, 0.0, 0.34)), SetPose("table", (2.0, 0.1, 0.3))])
    np.testing.assert_allclose(body(world, "a").position, [2.0, 0.0, 0.34])
    np.testing.assert_allclose(body(world, "table").position, [2.0, 0.1, 0.3])
    world.step(100)
    assert body(world, "a").position[2] == pytest.approx(0.34, abs=2e-3)
    world.reset(0)
    np.testing.assert_allclose(body(world, "a").position, [2.0, 0.0, 0.34])


def test_inertia_follows_mass_and_size(world: World) -> None:
    edit(world, [cube("a", 0.0)])

    def inertia() -> np.ndarray:
        return np.array(world.model.body("a").inertia)

    first = inertia()
    edit(world, [SetProperty("body", "a", "mass", [0.2])])
    np.testing.assert_allclose(inertia(), 2.0 * first)
    shape = queries.geoms(Still(take_snapshot(world)), ["a"])[0].name
    edit(world, [SetProperty("geom", shape, "size", [0.04, 0.04, 0.04])])
    np.testing.assert_allclose(inertia(), 8.0 * first)
    assert body(world, "a").mass == pytest.approx(0.2)
    links = np.array(world.model.body("arm/fore_link").inertia), body(world, "arm/fore_link").mass
    edit(world, [SetProperty("body", "arm/fore_link", "mass", [2.0 * links[1]])])
    np.testing.assert_allclose(world.model.body("arm/fore_link").inertia, 2.0 * links[0])


@pytest.mark.parametrize(
    ("change", "read"),
    [
        (("option", "", "gravity", [0.0, 0.0, -1.6]), lambda model: model.opt.gravity),
        (("option", "", "timestep", [0.001]), lambda model: [model.opt.timestep]),
        (("joint", "arm/elbow", "damping", [0.7]), lambda model: model.dof_damping[model.joint("arm/elbow").dofadr]),
        (("joint", "arm/elbow", "range", [-1.0, 1.0]), lambda model: model.joint("arm/elbow").range),
        (("geom", "floor", "friction", [0.3, 0.01, 0.001]), lambda model: model.geom("floor").friction),
        (("geom", "floor", "rgba", [0.1, 0.2, 0.3, 1.0]), lambda model: model.geom("floor").rgba),
    ],
)  # fmt: skip
def test_property_is_set(
    world: World, change: tuple[str, str, str, list[float]], read: Callable[[mujoco.MjModel], list[float]]
) -> None:
    edit(world, [SetProperty(*change)])
    np.testing.assert_allclose(read(world.model), change[3], rtol=1e-6)


def test_lever_with_a_joint_a_site_and_a_second_shape(world: World) -> None:
    lever = AddBody("lever", [Shape("box", [0.1, 0.01, 0.01], mass=0.2)], position=(1.0, 1.0, 0.5))
    knob = Shape("sphere", [0.02], mass=0.05, position=(0.1, 0.0, 0.0), name="knob")
    edit(
        world,
        [
            lever, AddJoint("lever", "hinge", axis=(0.0, 1.0, 0.0), range=[-0.5, 0.5], damping=0.1),
            AddShape("lever", knob), AddSite("lever", "tip", (0.12, 0.0, 0.0)),
        ],
    )  # fmt: skip
    world.step(1500)
    (joint,) = queries.joints(Still(take_snapshot(world)), ["hinge"])
    assert list(joint.range) == pytest.approx([-0.5, 0.5])
    assert joint.position[0] == pytest.approx(0.5, abs=0.05)
    assert world.model.site("tip").id >= 0


def test_camera_looks_at_its_target(world: World) -> None:
    config = CameraConfig(width=320, height=240, rate=10.0)
    edit(world, [AddCamera("side", position=(1.0, -1.0, 0.8), look_at=(0.1, 0.2, 0.3), fovy=0.8, config=config)])
    camera = world.camera("side")
    assert (camera.width, camera.rate, camera.fovy) == (320, 10.0, pytest.approx(0.8))
    forward = -world.data.cam_xmat[camera.number].reshape(3, 3)[:, 2]
    wanted = np.array([-0.9, 1.2, -0.5])
    np.testing.assert_allclose(forward, wanted / np.linalg.norm(wanted), atol=1e-9)
    edit(world, [RemoveCamera("side")])
    assert "side" not in world.cameras and "side" not in world.config.cameras


def test_camera_on_a_body_moves_with_it(world: World) -> None:
    edit(world, [AddCamera("eye", body="arm/fore_link", position=(0.0, 0.0, 0.1))])
    assert world.camera("eye").parent_frame == "arm/fore_link"
    np.testing.assert_allclose(np.abs(world.camera("eye").quaternion_xyzw), [0.0, 0.0, 0.0, 1.0], atol=1e-12)


def test_robot_is_added_removed_and_added_again(world: World) -> None:
    world.robots["arm"].set_target(np.array([-0.5, 1.0]))
    world.step(50)
    world.robots["arm"].read()
    before = world.robots["arm"].position.copy()
    for _ in range(2):
        edit(world, [AddRobot(RobotSpec("second", arm(), (0.0, 0.8, 0.0)))])
        second = world.robots["second"]
        np.testing.assert_allclose(second.position, [0.4, 0.6])
        np.testing.assert_array_equal(world.robots["arm"].position, before)
        second.set_target(np.array([0.0, 0.3]))
        second.set_torque(False)
        assert world.robots["arm"].torque_enabled
        assert "second/wrist" in world.cameras
        edit(world, [RemoveRobot("second")])
        assert list(world.robots) == ["arm"] and "second/wrist" not in world.cameras
        assert not any("second" in name for name in names(world))
    edit(world, [AddRobot(RobotSpec("second", arm()))])
    assert mujoco.MjModel.from_xml_string(export_mjcf(world)).nq == 4
    world.step(1000)
    world.robots["arm"].read()
    np.testing.assert_allclose(world.robots["arm"].position, [-0.5, 1.0], atol=0.03)


def test_first_robot_is_removed_and_the_second_goes_on() -> None:
    world = two_arm_world()
    world.robots["right"].set_target(np.array([-0.5, 1.0]))
    world.step(100)
    edit(world, [RemoveRobot("left")])
    world.step(1000)
    world.robots["right"].read()
    np.testing.assert_allclose(world.robots["right"].position, [-0.5, 1.0], atol=0.03)
    world.reset(0)
    np.testing.assert_allclose(world.robots["right"].position, [0.4, 0.6])


@pytest.mark.parametrize(
    ("terrain", "x", "height"),
    [
        (Terrain("slope", height=0.2), 2.5, 0.4),
        (Terrain("stairs", height=0.1, step=0.4), 1.1, 0.2),
        (Terrain("rough", height=0.1), 0.2, 0.0),
    ],
)
def test_ground_has_the_height_of_its_terrain(world: World, terrain: Terrain, x: float, height: float) -> None:
    edit(world, [SetGround(terrain), AddBody("ball", [Shape("sphere", [0.05], mass=0.1)], position=(x, 0.0, 1.0))])
    from strands_robots.sim.query.rays import ground_height

    heights, _ = ground_height(Still(take_snapshot(world)), np.array([[x + 0.06, 0.06]]))
    assert heights[0] == pytest.approx(height, abs=0.03)
    edit(world, [SetGround(None)])
    assert ground_height(Still(take_snapshot(world)), np.array([[x + 0.06, 0.06]]))[0][0] == pytest.approx(
        0.0, abs=1e-5
    )


def test_edits_are_deterministic() -> None:
    def run() -> bytes:
        world = two_arm_world()
        edit(world, [cube(f"c{i}", 0.1 * i, 0.3) for i in range(5)])
        world.step(50)
        edit(world, [DeleteBody("c2"), SetGround(Terrain("rough", seed=3)), Attach("c1", "left/fore_link")])
        world.step(100)
        return world.get_state().tobytes()

    assert run() == run()

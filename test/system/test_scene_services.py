"""Changing the world of a real sim_node through its services."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from geometry_msgs.msg import Point, Pose, Vector3
from graph import Graph, wait_for
from sensor_msgs.msg import CameraInfo, JointState
from strands_robots.msg import (
    EntityState,
    SceneBody,
    SceneCamera,
    SceneJoint,
    SceneProperty,
    SceneRobot,
    SceneShape,
    SceneTerrain,
)
from strands_robots.srv import Checkpoint, DescribeWorld, EditScene, GetWorldState, LoadScene, QueryWorld, ResetWorld

from strands_robots.ros.messages import qos

from .world_under_test import WorldUnderTest

SCENE = """
<mujoco>
  <worldbody>
    <geom name="floor" type="plane" size="0 0 0.05"/>
    <body name="ball" pos="1 1 0.5"><freejoint name="ball"/><geom size="0.05" mass="0.1"/></body>
  </worldbody>
  <keyframe><key name="high" qpos="1 1 2 1 0 0 0"/></keyframe>
</mujoco>
"""
BOMB = '<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx">]><mujoco model="&x;"/>'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scenes") / "allowed"
    path.mkdir()
    (path / "scene.xml").write_text(SCENE, encoding="utf-8")
    (path / "bomb.xml").write_text(BOMB, encoding="utf-8")
    (path.parent / "secret.xml").write_text(SCENE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def shared(folder: Path) -> Iterator[WorldUnderTest]:
    with Graph() as graph:
        yield WorldUnderTest(graph, scene_folders=[str(folder)], cameras=True)


@pytest.fixture
def world(shared: WorldUnderTest) -> WorldUnderTest:
    """The world with nothing but its robots."""
    shared.ok(LoadScene, "world/load")
    return shared


def cube(name: str, x: float = 0.5, z: float = 0.02) -> SceneBody:
    shape = SceneShape(kind="box", size=[0.02] * 3, mass=0.1)
    return SceneBody(name=name, pose=Pose(position=Point(x=x, y=0.5, z=z)), is_free=True, shapes=[shape])


def body(world: WorldUnderTest, name: str) -> EntityState:
    return world.ok(QueryWorld, "world/query", what=QueryWorld.Request.BODIES, names=[name]).bodies[0]


def objects(world: WorldUnderTest) -> list[str]:
    return list(world.ok(DescribeWorld, "world/describe").objects)


def test_objects_are_added_moved_and_removed(world: WorldUnderTest) -> None:
    world.ok(EditScene, "world/edit", bodies=[cube("a"), cube("b", 0.6)])
    assert objects(world) == ["a", "b"]
    pose = EntityState(name="b", pose=Pose(position=Point(x=-0.5, y=0.5, z=0.02)))
    world.ok(EditScene, "world/edit", remove=["a"], poses=[pose])
    assert objects(world) == ["b"]
    assert body(world, "b").pose.position.x == pytest.approx(-0.5, abs=1e-3)


def test_everything_of_one_request_is_added(world: WorldUnderTest) -> None:
    door = SceneBody(
        name="door", pose=Pose(position=Point(x=1.0, z=0.5)),
        shapes=[
            SceneShape(kind="box", size=[0.2, 0.01, 0.3], mass=1.0),
            SceneShape(kind="site", name="handle", pose=Pose(position=Point(x=0.2))),
        ],
    )  # fmt: skip
    hinge = SceneJoint(body="door", name="door_hinge", kind="hinge", axis=Vector3(z=1.0), range=[0.0, 1.5])
    gravity = SceneProperty(kind="option", property="gravity", values=[0.0, 0.0, -1.6])
    world.ok(
        EditScene, "world/edit", bodies=[door, cube("a")], joints=[hinge], attach=["a"], attach_to=["door"],
        properties=[gravity], ground=[SceneTerrain(kind="rough", height=0.05, clearing=1.5)],
    )  # fmt: skip
    answer = world.ok(DescribeWorld, "world/describe", mjcf=True)
    assert "door_hinge" in answer.joints and "handle" in answer.sites and answer.gravity.z == pytest.approx(-1.6)
    assert "<mujoco" in answer.mjcf
    assert "world/edit strands_robots/srv/EditScene" in " ".join(answer.services)
    world.ok(EditScene, "world/edit", detach=["a"], ground=[SceneTerrain(kind="flat")])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"remove": ["nothing"]}, "unknown body 'nothing'"),
        ({"remove": ["so101/base_link"]}, "belongs to the world itself or to a robot"),
        ({"detach": ["so101"]}, "unknown attached body"),
        ({"bodies": [SceneBody(name="../a")]}, "valid: a letter"),
        ({"bodies": [cube("a", math.nan)]}, "valid: finite"),
        ({"bodies": [SceneBody(name="a", shapes=[SceneShape(kind="mesh", size=[1.0], mesh="../m.stl")])]}, "below"),
        ({"bodies": [SceneBody(name="a", shapes=[SceneShape(kind="box", size=[0.1])])]}, "3 numbers"),
        ({"joints": [SceneJoint(body="so101/base_link", name="j", kind="hinge")]}, "length zero"),
        ({"cameras": [SceneCamera(name="c", width=100000)]}, "camera 'c' is not valid"),
        ({"cameras": [SceneCamera(name="c", fovy=math.inf)]}, "field of view"),
        ({"robots": [SceneRobot(name="b", robot="/etc/passwd")]}, "robot '/etc/passwd' given; valid: "),
        ({"robots": [SceneRobot(name="so101", robot="so101")]}, "'so101' exists already"),
        ({"robots": [SceneRobot(name="B\u00e4r", robot="so101")]}, "is not valid"),
        ({"attach": ["a"]}, "1 attach for 0 attach_to"),
        ({"ground": [SceneTerrain(kind="holes")]}, "unknown kind of terrain"),
        ({"properties": [SceneProperty(kind="option", property="timestep", values=[0.003])]}, "a whole multiple"),
        ({"properties": [SceneProperty(kind="option", property="timestep", values=[math.nan])]}, "timestep"),
    ],
)  # fmt: skip
def test_refused_edit_changes_nothing(world: WorldUnderTest, fields: dict[str, object], words: str) -> None:
    before = world.ok(GetWorldState, "world/get_state", full=True).model_sha256
    assert words in world.refused(EditScene, "world/edit", **{"bodies": [cube("good")], **fields})
    assert world.ok(GetWorldState, "world/get_state", full=True).model_sha256 == before


def test_camera_that_is_added_publishes(world: WorldUnderTest) -> None:
    camera = SceneCamera(
        name="side", pose=Pose(position=Point(x=1.0, z=0.5)), look_at=[Point(z=0.1)], width=64, height=48, rate=20.0,
        noise=2.0, delay=0.1,
    )  # fmt: skip
    world.ok(EditScene, "world/edit", cameras=[camera])
    infos = world.client.listen(CameraInfo, "side/camera_info", qos.IMAGE)
    assert wait_for(lambda: infos, 20.0, "side/camera_info")[0].width == 64
    world.ok(EditScene, "world/edit", remove=["side"])
    assert "side" not in world.ok(DescribeWorld, "world/describe").cameras


def test_robot_that_is_added_has_its_topics(world: WorldUnderTest) -> None:
    states = world.client.listen(JointState, "second/joint_states", qos.STATE)
    world.ok(EditScene, "world/edit", robots=[SceneRobot(name="second", robot="so101", position=Point(y=0.6))])
    assert len(wait_for(lambda: states, 20.0, "second/joint_states")[0].name) == 6
    assert list(world.ok(GetWorldState, "world/get_state").robots) == ["so101", "second"]
    assert world.graph.processes[0].exit_code is None


def test_physics_goes_on_with_another_timestep(world: WorldUnderTest) -> None:
    world.ok(EditScene, "world/edit", properties=[SceneProperty(kind="option", property="timestep", values=[0.001])])
    assert world.ok(GetWorldState, "world/get_state").timestep == pytest.approx(0.001)
    start = world.ok(GetWorldState, "world/get_state").stamp.sec
    wait_for(lambda: world.ok(GetWorldState, "world/get_state").stamp.sec > start + 1, what="time that passes")
    world.ok(EditScene, "world/edit", properties=[SceneProperty(kind="option", property="timestep", values=[0.002])])


def test_scene_file_is_loaded_and_reset_to_its_keyframe(world: WorldUnderTest) -> None:
    world.ok(LoadScene, "world/load", file="scene.xml")
    assert objects(world) == ["ball"]
    assert "high" in world.ok(DescribeWorld, "world/describe").keyframes
    world.ok(ResetWorld, "world/reset", seed=1, keyframe="high")
    assert body(world, "ball").pose.position.z > 1.5
    assert "unknown keyframe 'low'" in world.refused(ResetWorld, "world/reset", keyframe="low")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"file": "../secret.xml"}, "valid: a path"),
        ({"file": "/etc/passwd"}, "valid: a path"),
        ({"file": "bomb.xml"}, "declares a document type"),
        ({"mjcf": BOMB}, "declares a document type"),
        ({"mjcf": "<mujoco><include file='/etc/passwd'/></mujoco>"}, "includes another file"),
        ({"mjcf": "<mujoco><worldbody><geom size='-1'/></worldbody></mujoco>"}, "MuJoCo says: "),
        ({"mjcf": "<mujoco", "file": "scene.xml"}, "valid: one of them"),
        ({"file": "scene.mjb"}, "a compiled model"),
        ({"mjcf": "<mujoco><option gravity='nan 0 0'/></mujoco>"}, "gravity is"),
        ({"gravity": [Vector3(z=math.nan)]}, "gravity is"),
        ({"timestep": 0.003}, "a whole multiple"),
        ({"timestep": -1.0}, "a whole multiple"),
        ({"ground": [SceneTerrain(kind="holes")]}, "unknown kind of terrain"),
        ({"ground": [SceneTerrain(kind="rough", size=math.inf)]}, "size of the terrain"),
    ],
)
def test_scene_that_may_not_be_loaded_changes_nothing(
    world: WorldUnderTest, fields: dict[str, str], words: str
) -> None:
    world.ok(EditScene, "world/edit", bodies=[cube("a")])
    assert words in world.refused(LoadScene, "world/load", **fields)
    assert objects(world) == ["a"]


def test_world_is_made_anew_with_timestep_gravity_and_ground(world: WorldUnderTest) -> None:
    world.ok(EditScene, "world/edit", bodies=[cube("a")])
    ground = SceneTerrain(kind="stairs", height=0.05, clearing=1.5)
    world.ok(LoadScene, "world/load", timestep=0.001, gravity=[Vector3(z=-1.6)], ground=[ground])
    answer = world.ok(DescribeWorld, "world/describe", mjcf=True)
    assert (answer.timestep, answer.gravity.z) == (pytest.approx(0.001), pytest.approx(-1.6))
    assert "<hfield" in answer.mjcf and not answer.objects and "so101" in answer.robots
    world.ok(LoadScene, "world/load", timestep=0.002)
    answer = world.ok(DescribeWorld, "world/describe", mjcf=True)
    assert answer.gravity.z == pytest.approx(-9.81) and "<hfield" not in answer.mjcf


def test_checkpoints_are_named_listed_and_removed(world: WorldUnderTest) -> None:
    kinds = Checkpoint.Request
    assert list(world.ok(Checkpoint, "world/checkpoint", action=kinds.SAVE, name="one").names) == ["one"]
    assert list(world.ok(Checkpoint, "world/checkpoint", action=kinds.LIST).names) == ["one"]
    assert "valid: a letter" in world.refused(Checkpoint, "world/checkpoint", action=kinds.SAVE, name="../one")
    assert not world.ok(Checkpoint, "world/checkpoint", action=kinds.REMOVE, name="one").names


def test_checkpoint_brings_the_world_back(world: WorldUnderTest) -> None:
    kinds = Checkpoint.Request
    world.ok(EditScene, "world/edit", bodies=[cube("a", z=1.0)])
    world.ok(Checkpoint, "world/checkpoint", action=kinds.SAVE, name="up")
    wait_for(lambda: body(world, "a").pose.position.z < 0.3, what="a cube that falls")
    assert list(world.ok(Checkpoint, "world/checkpoint", action=kinds.LOAD, name="up").names) == ["up"]
    assert body(world, "a").pose.position.z > 0.3
    world.ok(EditScene, "world/edit", remove=["a"])
    assert "was changed after" in world.refused(Checkpoint, "world/checkpoint", action=kinds.LOAD, name="up")
    assert "unknown checkpoint" in world.refused(Checkpoint, "world/checkpoint", action=kinds.REMOVE, name="down")
    assert "action 9 given" in world.refused(Checkpoint, "world/checkpoint", action=9)

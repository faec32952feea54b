"""Measuring, pushing and placing through the services of a real sim_node."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from geometry_msgs.msg import Point, Pose, Vector3, Wrench
from graph import Graph, wait_for
from strands_robots.msg import EntityState
from strands_robots.srv import ApplyWrench, CastRays, ComputeDynamics, GetWorldState, QueryWorld, SetWorldState

from .world_under_test import WorldUnderTest

SCENE = """
<mujoco>
  <worldbody>
    <geom name="floor" type="plane" size="0 0 0.05"/>
    <body name="cube" pos="0.5 0.5 0.02"><freejoint name="cube"/><geom name="cube" type="box" size="0.02 0.02 0.02" mass="0.1"/></body>
  </worldbody>
  <sensor><framepos name="cube_position" objtype="body" objname="cube"/></sensor>
</mujoco>
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorldUnderTest]:
    scene = tmp_path_factory.mktemp("scene") / "scene.xml"
    scene.write_text(SCENE, encoding="utf-8")
    with Graph() as graph:
        yield WorldUnderTest(graph, scene=str(scene))


def cube(world: WorldUnderTest) -> EntityState:
    (body,) = world.ok(QueryWorld, "world/query", what=QueryWorld.Request.BODIES, names=["cube"]).bodies
    return body


def test_query_measures_everything_at_one_instant(world: WorldUnderTest) -> None:
    wait_for(lambda: world.ok(GetWorldState, "world/get_state").physics_steps > 250, what="a cube at rest")
    answer = world.ok(QueryWorld, "world/query")
    assert {body.name for body in answer.bodies} >= {"cube", "so101/gripper_link"}
    assert [joint.name for joint in answer.joints] == ["cube", *(joint.name for joint in answer.joints[1:])]
    assert answer.sensors[0].name == "cube_position"
    assert answer.sensors[0].values[2] == pytest.approx(0.02, abs=1e-3)
    lift = sum(contact.wrench.force.z for contact in answer.contacts if "cube" in contact.bodies)
    assert lift == pytest.approx(0.1 * 9.81, rel=0.02)
    assert answer.total_mass > 0.5 and answer.potential_energy > 0.0


def test_query_of_one_kind_and_name_answers_only_that(world: WorldUnderTest) -> None:
    answer = world.ok(QueryWorld, "world/query", what=QueryWorld.Request.JOINTS, names=["so101/"])
    assert len(answer.joints) == 6 and not answer.bodies and not answer.contacts


def test_query_of_an_unknown_name_is_refused(world: WorldUnderTest) -> None:
    assert "did you mean 'cube'" in world.refused(QueryWorld, "world/query", names=["cubs"])


def test_dynamics_for_given_positions(world: WorldUnderTest) -> None:
    answer = world.ok(
        ComputeDynamics, "world/compute_dynamics", robot="so101", positions=[0.0] * 6, velocities=[0.0] * 6,
        frames=["so101/gripper_frame_link"], jacobian=True, mass_matrix=True,
    )  # fmt: skip
    assert answer.joint_names[0] == "so101/shoulder_pan"
    assert len(answer.jacobians) == 36 and len(answer.mass_matrix) == 36
    # The published model's tool at zero.
    position = answer.poses[0].position
    assert (position.x, position.y, position.z) == pytest.approx((0.3914, 0.0, 0.2265), abs=1e-3)
    assert answer.kinetic_energy == pytest.approx(0.0, abs=1e-9)


def test_dynamics_moves_nothing(world: WorldUnderTest) -> None:
    names = ["so101/elbow_flex"]
    before = world.ok(QueryWorld, "world/query", names=names).joints[0].position[0]
    world.ok(ComputeDynamics, "world/compute_dynamics", robot="so101", positions=[0.1] * 6)
    assert world.ok(QueryWorld, "world/query", names=names).joints[0].position[0] == pytest.approx(before, abs=1e-3)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"robot": "so102"}, "unknown robot 'so102'; valid: so101"),
        ({"robot": "so101", "positions": [0.0] * 5}, "5 positions for 6 joints"),
        ({"robot": "so101", "positions": [math.nan] * 6}, "not finite"),
        ({"robot": "so101", "joint_names": ["elbow"], "positions": [0.0]}, "unknown joint 'so101/elbow'"),
        ({"frames": ["nowhere"]}, "unknown body or site 'nowhere'"),
        ({"joint_names": ["cube"], "positions": [0.0]}, "no hinge or slide"),
    ],
)
def test_dynamics_that_cannot_be_is_refused(world: WorldUnderTest, fields: dict[str, object], words: str) -> None:
    assert words in world.refused(ComputeDynamics, "world/compute_dynamics", **fields)


def test_rays_hit_and_miss(world: WorldUnderTest) -> None:
    answer = world.ok(
        CastRays, "world/cast_rays", origins=[Point(x=2.0, y=2.0, z=1.0)],
        directions=[Vector3(z=-1.0), Vector3(z=1.0)],
    )  # fmt: skip
    assert list(answer.distances) == pytest.approx([1.0, -1.0])
    assert answer.bodies == ["world", ""]


def test_ground_below_a_cube_is_the_floor(world: WorldUnderTest) -> None:
    answer = world.ok(CastRays, "world/cast_rays", ground=[Point(x=2.0, y=2.0)])
    assert list(answer.distances) == pytest.approx([0.0], abs=1e-5)


def test_ray_through_the_middle_of_the_overhead_picture_hits_the_ground_below(world: WorldUnderTest) -> None:
    answer = world.ok(CastRays, "world/cast_rays", camera="overhead", pixels=[319.5, 239.5])
    assert answer.bodies[0]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "valid: exactly one"),
        ({"directions": [Vector3()], "origins": [Point()]}, "length zero"),
        ({"directions": [Vector3(x=math.nan)], "origins": [Point()]}, "not finite"),
        ({"directions": [Vector3(x=1.0)] * 3, "origins": [Point()] * 2}, "2 origins for 3 directions"),
        ({"camera": "front", "pixels": [1.0, 1.0]}, "unknown camera 'front'"),
        ({"camera": "overhead", "pixels": [1.0]}, "1 numbers in pixels"),
        ({"directions": [Vector3(x=1.0)], "origins": [Point()], "exclude_body": "b"}, "unknown body 'b'"),
    ],
)
def test_rays_that_cannot_be_are_refused(world: WorldUnderTest, fields: dict[str, object], words: str) -> None:
    assert words in world.refused(CastRays, "world/cast_rays", **fields)


def test_pushed_cube_moves(world: WorldUnderTest) -> None:
    before = cube(world).pose.position.y
    world.ok(ApplyWrench, "world/apply_wrench", body="cube", wrench=Wrench(force=Vector3(y=3.0)), duration=0.2)
    wait_for(lambda: cube(world).pose.position.y > before + 0.05, what="a cube that was pushed")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"body": "cubs", "duration": 1.0}, "unknown body 'cubs'"),
        ({"body": "cube"}, "duration is 0.0 s"),
        ({"body": "so101/base_link", "duration": 1.0}, "fixed to the world"),
        ({"body": "cube", "duration": math.nan}, "duration is nan"),
        ({"body": "cube", "duration": 1.0, "wrench": Wrench(force=Vector3(x=math.inf))}, "finite"),
    ],
)
def test_push_that_cannot_be_is_refused(world: WorldUnderTest, fields: dict[str, object], words: str) -> None:
    assert words in world.refused(ApplyWrench, "world/apply_wrench", **fields)


def test_cube_and_joint_are_put_somewhere(world: WorldUnderTest) -> None:
    pose = Pose(position=Point(x=-0.5, y=0.5, z=0.02))
    world.ok(
        SetWorldState, "world/set_state", entities=[EntityState(name="cube", pose=pose)],
        joint_names=["so101/wrist_roll"], positions=[0.5],
    )  # fmt: skip
    assert cube(world).pose.position.x == pytest.approx(-0.5, abs=1e-3)
    (joint,) = world.ok(QueryWorld, "world/query", names=["so101/wrist_roll"]).joints
    assert joint.position[0] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"entities": [EntityState(name="so101/base_link")]}, "not free to move"),
        ({"entities": [EntityState(name="cube", pose=Pose(position=Point(x=math.nan)))]}, "finite"),
        ({"joint_names": ["so101/elbow_flex"], "positions": [9.0]}, "valid: -1.69"),
        ({"joint_names": ["so101/elbow_flex"], "positions": [0.1, 0.2]}, "2 positions for 1 joints"),
    ],
)
def test_state_that_cannot_be_is_refused(world: WorldUnderTest, fields: dict[str, object], words: str) -> None:
    assert words in world.refused(SetWorldState, "world/set_state", **fields)

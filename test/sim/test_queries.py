"""What queries say of a world agrees with what is known of it, and asking changes nothing."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from strands_robots.core.errors import ShapeError, UnknownNameError, WorldError
from strands_robots.sim.edit.placement import EntityPlacement, JointPlacement, place
from strands_robots.sim.query import dynamics, queries, rays
from strands_robots.sim.world.applied_wrenches import Push
from strands_robots.sim.world.inspection import Inspector, Still, take_snapshot
from strands_robots.sim.world.world import World

from .arms import one_arm_world

HALF = 0.05
MASS = 0.5
GRAVITY = 9.81


def world_with_box() -> World:
    """The small arm, and a box on the floor in front of it."""
    world = one_arm_world()
    body = world.spec.worldbody.add_body(name="box", pos=[0.0, 1.0, HALF])
    body.add_freejoint(name="box_joint")
    body.add_geom(name="box_shape", type=mujoco.mjtGeom.mjGEOM_BOX, size=[HALF] * 3, mass=MASS)
    world.recompile()
    return world


def still(world: World) -> Still:
    return Still(take_snapshot(world))


@pytest.fixture
def world() -> World:
    return world_with_box()


def test_box_at_rest_is_carried_by_its_contacts(world: World) -> None:
    world.step(500)
    now = still(world)
    contacts = queries.contacts(now, ["box"])
    assert {contact.bodies for contact in contacts} == {("world", "box")}
    assert sum(contact.force[2] for contact in contacts) == pytest.approx(MASS * GRAVITY, rel=1e-3)
    (box,) = queries.bodies(now, ["box"])
    np.testing.assert_allclose(box.contact_force, [0.0, 0.0, MASS * GRAVITY], atol=1e-2)
    np.testing.assert_allclose(box.contact_torque, 0.0, atol=1e-3)
    assert box.is_free and box.parent == "world" and box.mass == MASS


def test_asking_changes_nothing_of_what_runs(world: World) -> None:
    world.step(100)
    twin = world_with_box()
    twin.step(100)
    inspector = Inspector()
    for _ in range(20):
        now = inspector.show(take_snapshot(world))
        queries.bodies(now), queries.contacts(now), dynamics.energy(now), dynamics.compute_dynamics(now)
        world.step(3)
    twin.step(60)
    assert world.get_state().tobytes() == twin.get_state().tobytes()


def test_velocity_of_a_body_is_the_change_of_its_position(world: World) -> None:
    world.robots["arm"].set_target(np.array([-0.5, 1.0]))
    world.step(30)
    (before,) = queries.bodies(still(world), ["arm/fore_link"])
    world.step()
    (after,) = queries.bodies(still(world), ["arm/fore_link"])
    difference = (after.position - before.position) / world.timestep
    np.testing.assert_allclose(difference, 0.5 * (before.linear_velocity + after.linear_velocity), atol=0.05)


def test_joints_of_one_robot_and_its_shapes(world: World) -> None:
    now = still(world)
    assert [joint.name for joint in queries.joints(now, ["arm/"])] == ["arm/shoulder", "arm/elbow"]
    elbow = queries.joints(now, ["arm/elbow"])[0]
    assert (elbow.type, elbow.body, list(elbow.range)) == ("hinge", "arm/fore_link", [-2.0, 2.0])
    assert elbow.position == pytest.approx([0.6])
    (free,) = queries.joints(now, ["box_joint"])
    np.testing.assert_allclose(free.position, [0.0, 1.0, HALF, 0.0, 0.0, 0.0, 1.0])
    (shape,) = queries.geoms(now, ["box"])
    assert (shape.name, shape.type, shape.collides) == ("box_shape", "box", True)


def test_unknown_name_is_refused_with_the_nearest(world: World) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'arm/elbow'"):
        queries.require_names(still(world), ["arm/elbwo"])


def test_falling_box_keeps_its_energy(world: World) -> None:
    place(world, [EntityPlacement("box", (0.0, 1.0, 2.0))])
    world.robots["arm"].set_torque(True)
    first = dynamics.energy(still(world))
    world.step(100)
    height = queries.bodies(still(world), ["box"])[0].position[2]
    second = dynamics.energy(still(world))
    assert first[0] - second[0] == pytest.approx(MASS * GRAVITY * (2.0 - height), rel=1e-2)
    assert second[1] == pytest.approx(MASS * GRAVITY * (2.0 - height), rel=2e-2)


def test_jacobian_is_the_derivative_of_forward_kinematics(world: World) -> None:
    names, q = ["arm/shoulder", "arm/elbow"], np.array([0.3, -0.7])
    now, step = still(world), 1e-6

    def at(positions: np.ndarray) -> dynamics.Dynamics:
        dynamics.place_joints(now, names, list(positions), [])
        return dynamics.compute_dynamics(now, names, ["arm/fore_link"])

    jacobian = at(q).frames[0].jacobian
    assert jacobian.shape == (6, 2)
    for column in range(2):
        moved = q.copy()
        moved[column] += step
        derivative = (at(moved).frames[0].position - at(q).frames[0].position) / step
        np.testing.assert_allclose(jacobian[:3, column], derivative, atol=1e-5)


def test_inverse_dynamics_is_mass_matrix_times_acceleration_plus_bias(world: World) -> None:
    names, now = ["arm/shoulder", "arm/elbow"], still(world)
    dynamics.place_joints(now, names, [0.3, 0.5], [1.0, -2.0], [3.0, -1.0])
    wanted = now.data.qacc.copy()
    result = dynamics.compute_dynamics(now, names, accelerations=wanted)
    assert result.names == names
    dofs = [int(now.model.joint(name).dofadr[0]) for name in names]
    passive = now.data.qfrc_passive[dofs] + now.data.qfrc_constraint[dofs]
    armature_free = result.mass_matrix @ wanted[dofs] + result.bias_force - passive
    np.testing.assert_allclose(result.inverse_dynamics, armature_free, atol=1e-9)
    np.testing.assert_allclose(result.mass_matrix, result.mass_matrix.T)
    assert np.linalg.eigvalsh(result.mass_matrix).min() > 0.0


def test_degrees_of_freedom_of_a_free_joint_are_named(world: World) -> None:
    result = dynamics.compute_dynamics(still(world))
    assert result.names[-6:] == [f"box_joint:{axis}" for axis in ("x", "y", "z", "rx", "ry", "rz")]
    np.testing.assert_allclose(np.diag(result.mass_matrix)[-6:-3], MASS)


def test_positions_of_the_wrong_length_are_refused(world: World) -> None:
    with pytest.raises(ShapeError, match="1 positions for 2 joints; valid: one for each, or none"):
        dynamics.place_joints(still(world), ["arm/shoulder", "arm/elbow"], [0.1], [])


def test_free_joint_is_no_hinge(world: World) -> None:
    with pytest.raises(WorldError, match="'box_joint' is no hinge or slide"):
        dynamics.place_joints(still(world), ["box_joint"], [0.1], [])


def test_ray_hits_the_box_where_it_is(world: World) -> None:
    hits = rays.cast_rays(
        still(world), np.array([[0.0, 1.0, 1.0]]), np.array([[0.0, 0.0, -2.0], [0.0, 0.0, 1.0], [1.0, 0.0, -1.0]])
    )
    np.testing.assert_allclose(hits.distances, [1.0 - 2.0 * HALF, -1.0, np.sqrt(2.0)], atol=1e-9)
    np.testing.assert_allclose(hits.points[0], [0.0, 1.0, 2.0 * HALF], atol=1e-9)
    assert hits.bodies == ["box", "", "world"]
    assert np.isnan(hits.points[1]).all()


def test_ray_passes_through_an_excluded_body_and_ends_at_the_longest_distance(world: World) -> None:
    now, down = still(world), np.array([[0.0, 0.0, -1.0]])
    box = now.model.body("box").id
    assert rays.cast_rays(now, np.array([[0.0, 1.0, 1.0]]), down, exclude_body=box).bodies == ["world"]
    assert rays.cast_rays(now, np.array([[0.0, 1.0, 1.0]]), down, max_distance=0.5).bodies == [""]


@pytest.mark.parametrize("direction", [[0.0, 0.0, 0.0], [np.nan, 0.0, 1.0]])
def test_direction_without_a_direction_is_refused(world: World, direction: list[float]) -> None:
    with pytest.raises(WorldError):
        rays.cast_rays(still(world), np.zeros((1, 3)), np.array([direction]))


def test_ground_is_what_cannot_move(world: World) -> None:
    heights, names = rays.ground_height(still(world), np.array([[0.0, 1.0], [2.0, 2.0]]))
    np.testing.assert_allclose(heights, 0.0, atol=1e-5)
    assert names == ["world", "world"]


def test_pixel_ray_meets_what_projects_onto_the_pixel(world: World) -> None:
    now, camera = still(world), world.camera("overhead")
    target = np.array([0.1, 0.2, 0.0])
    axes = now.data.cam_xmat[camera.number].reshape(3, 3)
    x, y, z = axes.T @ (target - now.data.cam_xpos[camera.number])
    size = camera.intrinsics()
    pixel = np.array([[size.fx * x / -z + size.cx, size.fy * -y / -z + size.cy]])
    origin, direction = rays.pixel_rays(now, camera, pixel)
    np.testing.assert_allclose(rays.cast_rays(now, origin, direction).points[0], target, atol=1e-6)


def test_push_changes_momentum_by_force_times_duration() -> None:
    world = world_with_box()
    place(world, [EntityPlacement("box", (0.0, 1.0, 3.0))])
    end = world.push(Push("box", force=(2.0, 0.0, MASS * GRAVITY), duration=0.1))
    assert end == pytest.approx(0.1)
    world.step(75)
    (box,) = queries.bodies(still(world), ["box"])
    assert box.linear_velocity[0] == pytest.approx(2.0 * 0.1 / MASS, rel=1e-6)
    assert world.data.xfrc_applied.any() == False  # noqa: E712


def test_push_beside_the_centre_turns_the_body_and_a_reset_ends_it() -> None:
    world = world_with_box()
    place(world, [EntityPlacement("box", (0.0, 1.0, 3.0))])
    world.push(Push("box", force=(0.0, 0.0, 5.0), point=(HALF, 0.0, 0.0), in_body_frame=True, duration=10.0))
    world.step(10)
    assert queries.bodies(still(world), ["box"])[0].angular_velocity[1] < -0.1
    world.reset(0)
    assert not world.data.xfrc_applied.any()


@pytest.mark.parametrize(
    ("push", "words"),
    [
        (Push("arm/base_link", (1.0, 0.0, 0.0)), "fixed to the world"),
        (Push("box", (float("nan"), 0.0, 0.0)), "finite numbers"),
        (Push("box", (1.0, 0.0, 0.0), duration=0.0), "more than 0, at most 60"),
    ],
)
def test_push_that_is_not_possible_is_refused(world: World, push: Push, words: str) -> None:
    with pytest.raises(WorldError, match=words):
        world.push(push)


def test_robot_stays_where_it_is_put(world: World) -> None:
    place(world, joints=JointPlacement(["arm/shoulder", "arm/elbow"], [-0.4, 1.2]))
    robot = world.robots["arm"]
    np.testing.assert_allclose(robot.position, [-0.4, 1.2])
    world.step(500)
    robot.read()
    np.testing.assert_allclose(robot.position, [-0.4, 1.2], atol=0.03)


def test_placed_object_has_pose_and_velocity(world: World) -> None:
    turned = (0.0, 0.0, np.sqrt(0.5), np.sqrt(0.5))
    place(world, [EntityPlacement("box", (0.1, 1.2, 1.0), turned, (0.5, 0.0, 0.0), (1.0, 2.0, 3.0))])
    (box,) = queries.bodies(still(world), ["box"])
    np.testing.assert_allclose(box.position, [0.1, 1.2, 1.0])
    np.testing.assert_allclose(box.quaternion, turned)
    np.testing.assert_allclose(box.linear_velocity, [0.5, 0.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(box.angular_velocity, [1.0, 2.0, 3.0], atol=1e-12)


@pytest.mark.parametrize(
    ("entities", "joints", "words"),
    [
        ([EntityPlacement("arm/fore_link", (0.0, 0.0, 1.0))], None, "not free to move"),
        ([EntityPlacement("box", (0.0, float("inf"), 1.0))], None, "valid: finite"),
        ([EntityPlacement("box", (0.0, 0.0, 1e9))], None, "at most 10000 m"),
        ([EntityPlacement("box", (0.0, 0.0, 2.0))], JointPlacement(["arm/elbow"], [3.0]), "valid: -2 to 2"),
        ([EntityPlacement("box", (0.0, 0.0, 2.0))], JointPlacement(["arm/elbow"], [0.0], [float("nan")]), "not finite"),
    ],
)
def test_refused_placement_changes_nothing(
    world: World, entities: list[EntityPlacement], joints: JointPlacement | None, words: str
) -> None:
    before = world.get_state().tobytes()
    with pytest.raises(WorldError, match=words):
        place(world, entities, joints)
    assert world.get_state().tobytes() == before

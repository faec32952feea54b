from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from strands_robots.core.errors import ShapeError, UnknownNameError, WorldError
from strands_robots.sim.world.world import World

from .arms import one_arm_world, two_arm_world

PERIOD_STEPS = 5


def test_new_world_stands_at_home_at_time_zero() -> None:
    world = one_arm_world()
    robot = world.robots["arm"]
    assert world.time == 0.0
    assert world.physics_steps == 0
    assert robot.joint_names == ("shoulder", "elbow")
    np.testing.assert_allclose(robot.position, [0.4, 0.6])


def test_step_advances_time_by_whole_timesteps() -> None:
    world = one_arm_world()
    world.step(PERIOD_STEPS)
    world.step()
    assert world.physics_steps == 6
    assert world.time == pytest.approx(0.012)


def test_robot_reaches_its_target() -> None:
    world = one_arm_world()
    robot = world.robots["arm"]
    robot.set_target(np.array([-0.5, 1.0]))
    world.step(1000)
    robot.read()
    np.testing.assert_allclose(robot.position, [-0.5, 1.0], atol=0.03)
    np.testing.assert_allclose(robot.velocity, 0.0, atol=1e-3)


def test_two_robots_are_commanded_apart_and_stand_where_they_were_put() -> None:
    world = two_arm_world()
    left, right = world.robots["left"], world.robots["right"]
    left.set_target(np.array([0.5, -0.5]))
    right.set_target(np.array([-0.5, 0.5]))
    world.step(1000)
    left.read()
    right.read()
    np.testing.assert_allclose(left.position, [0.5, -0.5], atol=0.03)
    np.testing.assert_allclose(right.position, [-0.5, 0.5], atol=0.03)
    np.testing.assert_allclose(world.data.body("left/base_link").xpos, [0.0, 0.4, 0.0], atol=1e-9)
    # Yaw 1.57: the right arm swings in the plane x = 0.
    assert abs(world.data.body("right/fore_link").xpos[0]) < 1e-3


def test_base_and_first_link_do_not_collide() -> None:
    world = one_arm_world()
    world.robots["arm"].set_target(np.array([1.5, 0.0]))
    world.step(1000)
    assert world.data.ncon == 0
    assert world.model.nexclude == 1


def test_torque_off_lets_one_robot_fall_and_torque_on_holds_where_it_is() -> None:
    world = two_arm_world()
    left, right = world.robots["left"], world.robots["right"]
    left.set_torque(False)
    world.step(150)
    left.read()
    right.read()
    assert left.position[0] > 0.6
    np.testing.assert_array_equal(left.effort, 0.0)
    np.testing.assert_allclose(right.position, [0.4, 0.6], atol=0.03)
    left.set_torque(True)
    caught = left.position.copy()
    world.step(1000)
    left.read()
    np.testing.assert_allclose(left.position, caught, atol=0.15)
    np.testing.assert_allclose(left.velocity, 0.0, atol=1e-3)


def test_reset_switches_torque_on() -> None:
    world = one_arm_world()
    robot = world.robots["arm"]
    robot.set_torque(False)
    world.step(100)
    world.reset(0)
    assert robot.torque_enabled
    world.step(500)
    robot.read()
    np.testing.assert_allclose(robot.position, robot.home, atol=0.03)


def test_target_of_wrong_length_is_refused() -> None:
    with pytest.raises(ShapeError, match="target of 'arm' has 3 values; valid: 2"):
        one_arm_world().robots["arm"].set_target(np.zeros(3))


def test_unknown_names_are_refused_with_the_valid_ones() -> None:
    world = one_arm_world()
    with pytest.raises(
        UnknownNameError, match="unknown camera 'arm/wirst'; valid: arm/wrist, overhead; did you mean 'arm/wrist'"
    ):
        world.camera("arm/wirst")
    with pytest.raises(UnknownNameError, match="unknown robot 'leg'; valid: arm"):
        world.robot("leg")


def drive(world: World, control_steps: int) -> bytes:
    """Return the bytes of positions and velocities after a fixed way."""
    robot = world.robots["arm"]
    random = world.random_stream("test")
    for _ in range(control_steps):
        robot.set_target(random.uniform(robot.limits.lower, robot.limits.upper))
        world.step(PERIOD_STEPS)
    return world.data.qpos.tobytes() + world.data.qvel.tobytes()


def test_same_seed_and_targets_give_the_same_bytes_in_another_process() -> None:
    code = f"from {__name__} import *; print(drive(one_arm_world(), 2000).hex())"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert drive(one_arm_world(), 2000).hex() == child.stdout.strip()


def test_reset_gives_the_same_bytes_again_and_another_seed_others() -> None:
    world = one_arm_world()
    first = drive(world, 200)
    world.reset(0)
    assert drive(world, 200) == first
    world.reset(1)
    assert world.seed == 1
    assert drive(world, 200) != first


def test_random_streams_of_two_purposes_differ() -> None:
    world = one_arm_world()
    assert world.random_stream("a").random() != world.random_stream("b").random()


def test_restored_state_goes_on_with_the_same_bytes() -> None:
    world = one_arm_world()
    drive(world, 100)
    state = world.get_state()
    steps = world.physics_steps
    world.step(300)
    expected = world.get_state()
    world.set_state(state)
    assert world.physics_steps == steps
    world.step(300)
    assert world.get_state().tobytes() == expected.tobytes()


def test_state_is_written_into_a_given_array() -> None:
    world = one_arm_world()
    out = np.empty_like(world.get_state())
    assert world.get_state(out) is out


def test_states_that_do_not_fit_are_refused() -> None:
    world = one_arm_world()
    state = world.get_state()
    with pytest.raises(ShapeError, match="valid for this world"):
        world.set_state(state[:-1])
    state[1] = np.nan
    with pytest.raises(WorldError, match="1 values that are not finite"):
        world.set_state(state)


def test_divergence_is_reported_and_never_put_back_by_itself() -> None:
    world = one_arm_world()
    world.step(10)
    world.data.qvel[0] = np.nan
    with pytest.raises(WorldError, match=r"diverged near .* a velocity is not finite or huge \(joint 'arm/shoulder'\)"):
        world.step(10)
    assert world.fault is not None
    assert world.time > 0.02
    with pytest.raises(WorldError, match="has diverged"):
        world.step()
    world.reset(0)
    assert world.fault is None
    world.step(10)


def test_target_that_is_not_finite_is_a_fault_not_a_move_to_zero() -> None:
    world = one_arm_world()
    world.robots["arm"].set_target(np.array([np.nan, 0.0]))
    with pytest.raises(WorldError, match=r"a control value is not finite or huge \(control 0\)"):
        world.step()


def test_restoring_a_state_clears_the_fault() -> None:
    world = one_arm_world()
    state = world.get_state()
    world.data.qpos[0] = np.inf
    with pytest.raises(WorldError):
        world.step()
    world.set_state(state)
    world.step(10)
    assert world.fault is None


def test_world_can_be_edited_while_it_runs() -> None:
    world = one_arm_world()
    robot = world.robots["arm"]
    robot.set_target(np.array([0.1, 0.2]))
    world.step(500)
    time = world.time
    body = world.spec.worldbody.add_body(name="cube", pos=[0.4, 0.0, 0.1])
    body.add_freejoint()
    body.add_geom(type=6, size=[0.02, 0.02, 0.02], mass=0.1)
    world.recompile()
    robot.read()
    assert world.generation == 1
    assert world.time == time
    np.testing.assert_allclose(robot.position, [0.1, 0.2], atol=0.03)
    world.step(500)
    robot.read()
    np.testing.assert_allclose(robot.position, [0.1, 0.2], atol=0.03)
    assert world.data.body("cube").xpos[2] == pytest.approx(0.02, abs=0.002)


def test_model_hash_depends_on_the_model_only() -> None:
    world = one_arm_world()
    before = world.model_sha256
    world.step(10)
    assert world.model_sha256 == before == one_arm_world().model_sha256
    assert two_arm_world().model_sha256 != before

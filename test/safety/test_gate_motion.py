"""What the gate lets through is played within the limits, and every stop ends in rest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strands_robots.core.types import ControlMode, StopCategory

from .gates import DT, Bench, limits

LIMITS = limits()


def assert_within_limits(path: np.ndarray) -> None:
    velocity = np.diff(path, axis=0) / DT
    acceleration = np.diff(velocity, axis=0) / DT
    assert (path >= LIMITS.lower - 1e-9).all() and (path <= LIMITS.upper + 1e-9).all()
    assert (np.abs(velocity) <= LIMITS.velocity * (1 + 1e-6) + 1e-9).all()
    assert (np.abs(acceleration) <= LIMITS.acceleration * (1 + 1e-4) + 1e-6).all()


def test_single_command_is_reached_within_the_limits_and_held() -> None:
    bench = Bench().arm()
    assert bench.submit([[0.8, -0.5, 0.25]]).accepted
    path = bench.run(1.5)
    assert_within_limits(path)
    assert np.allclose(path[-1], [0.8, -0.5, 0.25], atol=1e-9)
    assert not bench.gate.report(bench.now).playing


def test_value_over_a_limit_is_clamped_and_reported() -> None:
    bench = Bench().arm()
    verdict = bench.submit([[9.0, 0.0, 0.25]])
    assert verdict.accepted and verdict.clamped
    assert "'shoulder'" in verdict.message and "9.0" in verdict.message
    assert bench.run(2.0)[-1][0] == pytest.approx(1.0)
    assert bench.gate.report(bench.now).clamped == 1


def test_smooth_chunk_is_played_row_by_row() -> None:
    bench = Bench().arm()
    rows = np.array([[0.1 * (1 - np.cos(0.05 * k)), 0.0, 0.25] for k in range(40)])
    bench.ros += DT
    assert bench.submit(rows, control_period=DT, observation_stamp=bench.ros).accepted
    bench.ros -= DT
    path = bench.run(0.4)
    assert np.allclose(path, rows, atol=1e-12)


def test_chunk_is_interpolated_without_a_velocity_step() -> None:
    bench = Bench().arm()
    times = np.arange(31) / 30.0
    rows = np.stack([0.3 * (1 - np.cos(np.pi * times)), 0 * times, 0 * times + 0.25], axis=1)
    bench.submit(rows, control_period=1 / 30)
    path = bench.run(1.3)
    assert_within_limits(path)
    sampled = 0.3 * (1 - np.cos(np.pi * DT * np.arange(1, 100)))
    assert np.abs(path[:99, 0] - sampled).max() < 0.002


def test_late_chunk_starts_at_the_row_its_observation_implies() -> None:
    bench = Bench().arm()
    bench.run(0.5)
    rows = np.array([[0.01 * k * 0.01, 0.0, 0.25] for k in range(100)])
    bench.submit(rows, control_period=DT, observation_stamp=bench.ros - 0.3)
    path = bench.run(0.4)
    assert path[-1, 0] == pytest.approx(rows[70, 0], abs=1e-9)


def test_joints_that_are_not_named_keep_their_target() -> None:
    bench = Bench().arm()
    bench.submit([[0.5, 0.5, 0.3]])
    bench.run(1.0)
    bench.submit([[-0.5]], joint_names=("shoulder",))
    assert np.allclose(bench.run(1.5)[-1], [-0.5, 0.5, 0.3])


def test_velocity_command_moves_and_ends_at_rest_inside_the_range() -> None:
    bench = Bench().arm()
    rows = np.tile([1.0, 0.0, 0.0], (200, 1))
    assert bench.submit(rows, mode=ControlMode.VELOCITY, control_period=DT).accepted
    path = bench.run(3.0)
    assert_within_limits(path)
    assert path[-1, 0] == pytest.approx(1.0, abs=0.02)
    assert not bench.gate.report(bench.now).playing


def test_second_chunk_of_the_holder_replaces_the_first_without_a_jump() -> None:
    bench = Bench().arm()
    bench.submit(np.linspace([0, 0, 0.25], [0.9, 0, 0.25], 100), control_period=DT)
    first = bench.run(0.4)
    bench.submit(np.linspace([0.2, 0, 0.25], [-0.9, 0, 0.25], 100), control_period=DT)
    path = np.vstack([first, bench.run(2.5)])
    assert_within_limits(path)
    assert path[-1, 0] == pytest.approx(-0.9)


def test_arm_holds_where_its_chunk_ends() -> None:
    bench = Bench().arm()
    rows = np.array([[0.3 * k / 50, 0.0, 0.25] for k in range(50)])
    bench.submit(rows, control_period=DT)
    path = bench.run(2.0)
    assert_within_limits(path)
    assert np.allclose(path[-1], rows[-1])
    assert np.allclose(path[-50:], path[-1])


@pytest.mark.parametrize("category", list(StopCategory))
def test_stop_applies_its_category(category: StopCategory) -> None:
    bench = Bench(stop_category=category).arm()
    bench.submit([[1.0, 0.0, 0.25]])
    moving = bench.run(0.3)
    speed = (moving[-1, 0] - moving[-2, 0]) / DT
    assert speed > 1.0
    bench.gate.stop("button", bench.now)
    setpoint = bench.tick()
    if category is StopCategory.TORQUE_OFF:
        assert not setpoint.torque_enabled
        return
    assert setpoint.torque_enabled
    path = np.vstack([moving, setpoint.target, bench.run(0.5)])
    assert_within_limits(path)
    stopped = path[len(moving) - 1 :]
    braking = int(np.argmax(np.abs(np.diff(stopped[:, 0])) < 1e-12))
    assert braking <= np.ceil(speed / LIMITS.acceleration[0] / DT) + 1
    assert bench.tick().torque_enabled is (category is StopCategory.CONTROLLED_AND_HOLD)


def test_robot_without_torque_takes_it_up_where_it_is() -> None:
    bench = Bench(stop_category=StopCategory.TORQUE_OFF)
    assert not bench.tick().torque_enabled
    bench.position = np.array([0.4, -0.3, 0.1])
    bench.gate.tick(bench.now, DT, bench.position, np.zeros(3))
    bench.arm()
    setpoint = bench.gate.tick(bench.now, DT, bench.position, np.zeros(3))
    assert setpoint.torque_enabled
    assert np.allclose(setpoint.target, [0.4, -0.3, 0.1])


def test_rest_needs_quiet_joints_for_the_whole_time() -> None:
    bench = Bench().arm()
    bench.submit([[0.5, 0.0, 0.25]])
    bench.run(0.2)
    assert not bench.gate.report(bench.now).at_rest
    bench.gate.stop("test", bench.now)
    bench.run(0.25)
    assert not bench.gate.report(bench.now).at_rest
    bench.run(0.2)
    assert bench.gate.report(bench.now).at_rest


def test_robot_that_is_not_measured_is_not_at_rest() -> None:
    bench = Bench()
    bench.run(0.3)
    assert bench.gate.report(bench.now).at_rest
    bench.steady += 0.3
    assert not bench.gate.report(bench.now).at_rest


def test_frozen_world_is_at_rest_and_its_missing_ticks_are_no_stall() -> None:
    bench = Bench().arm()
    bench.submit([[0.9, 0.0, 0.25]])
    bench.run(0.2)
    bench.gate.world_frozen = True
    assert bench.gate.report(bench.now).at_rest
    for _ in range(40):
        bench.steady += 0.05
        bench.beat()
    bench.gate.world_frozen = False
    bench.run(1.0)
    assert not bench.gate.is_latched
    assert bench.position[0] == pytest.approx(0.9)


def test_stalled_control_loop_latches() -> None:
    bench = Bench().arm()
    bench.submit([[0.9, 0.0, 0.25]])
    bench.run(0.2)
    for _ in range(6):
        bench.steady += 0.05
        bench.beat()
    bench.tick()
    assert bench.gate.report(bench.now).latch_reason == "stalled"


def test_backward_clock_drops_chunk_and_lease_but_not_the_arming() -> None:
    bench = Bench().arm()
    bench.submit([[0.9, 0.0, 0.25]])
    bench.run(0.2)
    bench.ros = 0.0
    bench.run(0.5)
    held = bench.position.copy()
    assert not bench.gate.is_latched
    assert bench.gate.lease_holder == ""
    bench.run(0.2)
    assert np.array_equal(bench.position, held)
    assert bench.submit([[0.0, 0.0, 0.25]], source="policy/other", lifetime=1.0).accepted


def test_restart_holds_the_given_position() -> None:
    bench = Bench().arm()
    bench.submit([[0.9, 0.0, 0.25]])
    bench.run(0.2)
    bench.gate.restart(np.array([0.1, 0.2, 0.3]), bench.now)
    assert np.array_equal(bench.tick().target, [0.1, 0.2, 0.3])


values = st.floats(min_value=-10, max_value=10, allow_nan=False)
rows_of_values = st.lists(st.tuples(values, values, values), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    commands=st.lists(
        st.tuples(rows_of_values, st.sampled_from([0.01, 0.033, 0.1]), st.floats(0, 0.4), st.sampled_from([0, 1])),
        min_size=1,
        max_size=5,
    )
)
def test_no_sequence_of_commands_breaks_a_limit(commands: list) -> None:
    bench = Bench().arm()
    path = [bench.run(0.02)]
    for rows, period, wait, mode in commands:
        bench.submit(rows, control_period=period, mode=mode, lifetime=5.0)
        path.append(bench.run(wait + DT))
    bench.gate.stop("end", bench.now)
    path.append(bench.run(0.5))
    whole = np.vstack(path)
    assert_within_limits(whole)
    assert np.array_equal(whole[-1], whole[-10])

"""Laying out a chunk: what lies on a limit passes, what lies beyond is named, and only what keeps every rate is played exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from strands_robots.control.limits import LimitPolicy, plan
from strands_robots.control.player import PlannedChunk
from strands_robots.control.refusal import Refused
from strands_robots.core.chunk import Chunk
from strands_robots.core.types import ControlMode, JointLimits

from .gates import DT

NAMES = ("slow", "fast")
LIMITS = JointLimits(
    NAMES, np.array([-1.0, -2.0]), np.array([1.5, 2.5]), np.array([0.5, 3.0]), np.array([4.0, 20.0]), np.ones(2)
)


def lay_out(values: Any, period: float = 0.0, **changes: Any) -> tuple[PlannedChunk, str]:
    names = changes.get("names", NAMES)
    chunk = Chunk("policy/test", 1, 0.0, 1.0, names, np.array(values, dtype=np.float64), control_period=period)
    columns = [NAMES.index(name) for name in names]
    mode, policy = changes.get("mode", ControlMode.POSITION), changes.get("policy", LimitPolicy.CLAMP)
    return plan(chunk, mode, columns, LIMITS, policy, changes.get("start", 10.0), DT)


def ramp(velocity: float, acceleration: float, start: float = 0.0) -> list[float]:
    """Positions [rad] at every tick of a joint that speeds up to a velocity [rad/s] and keeps it for a while."""
    velocities = np.minimum(acceleration * DT * np.arange(1, 60), velocity)
    return [start, *(start + DT * np.cumsum(velocities))]


@pytest.mark.parametrize("values", [(-1.0, -2.0), (1.5, 2.5)])
def test_value_on_a_limit_is_inside(values: tuple[float, float]) -> None:
    planned, message = lay_out([values], policy=LimitPolicy.REFUSE)
    assert not message and np.array_equal(planned.curve.rows, [values])


@pytest.mark.parametrize(
    ("row", "named", "limit"),
    [((-1.01, 0.0), "'slow'", -1.0), ((0.0, 2.6), "'fast'", 2.5), ((0.0, -2.6), "'fast'", -2.0), ((1.6, 0.0), "'slow'", 1.5)],
)  # fmt: skip
def test_value_beyond_a_limit_is_named_and_clamped_to_it(row: tuple[float, float], named: str, limit: float) -> None:
    inside = (0.25, 0.5)
    planned, message = lay_out([inside, row], period=10.0)
    assert named in message and "row 1" in message and f"{limit:.4f}" in message
    assert np.array_equal(planned.curve.rows[0], inside)
    assert limit in planned.curve.rows[1] and (row[0] in planned.curve.rows[1] or row[1] in planned.curve.rows[1])
    with pytest.raises(Refused, match=named):
        lay_out([inside, row], period=10.0, policy=LimitPolicy.REFUSE)


def test_what_is_laid_out_is_a_copy() -> None:
    values = np.zeros((2, 2))
    chunk = Chunk("policy/test", 1, 0.0, 1.0, NAMES, values, control_period=1.0)
    planned, _ = plan(chunk, ControlMode.POSITION, [0, 1], LIMITS, LimitPolicy.CLAMP, 0.0, DT)
    values[:] = 1.0
    assert not planned.curve.rows.any()


def test_velocity_on_the_limit_passes_and_beyond_it_is_named_by_the_joint_that_is_most_over() -> None:
    assert not lay_out([[0.0, 0.0], [0.5, 3.0 * 0.8]], period=1.0, policy=LimitPolicy.REFUSE)[1]
    _, message = lay_out([[0.0, 0.0], [0.6, 2.5]], period=1.0)
    assert "'slow' would move at 0.600 rad/s; valid: up to 0.500" in message
    _, message = lay_out([[0.0, 0.0], [0.051, 0.4]], period=0.1)
    assert "'fast' would move at 4.000 rad/s; valid: up to 3.000" in message
    _, message = lay_out([[0.4, 0.0], [-0.2, 0.0]], period=1.0)
    assert "'slow' would move at 0.600" in message
    with pytest.raises(Refused, match="'slow'"):
        lay_out([[0.0, 0.0], [0.501, 0.0]], period=1.0, policy=LimitPolicy.REFUSE)


def test_chunk_of_some_joints_is_held_to_their_own_limits() -> None:
    assert not lay_out([[0.0], [2.4]], period=1.0, names=("fast",), policy=LimitPolicy.REFUSE)[1]
    assert "'slow'" in lay_out([[0.0], [0.8]], period=1.0, names=("slow",))[1]


@pytest.mark.parametrize("rows", [1, 2])
def test_velocities_are_held_to_the_velocity_limits(rows: int) -> None:
    planned, message = lay_out([[0.6, -3.5]] * rows, period=0.1, mode=ControlMode.VELOCITY)
    assert "'slow' row 0" in message and "rad/s" in message
    assert np.array_equal(planned.curve.rows, [[0.5, -3.0]] * rows)
    assert not planned.is_smooth
    assert not lay_out([[0.5, -3.0]] * rows, period=0.1, mode=ControlMode.VELOCITY, policy=LimitPolicy.REFUSE)[1]


def test_times_follow_from_rows_and_period() -> None:
    several, _ = lay_out([[0.0, 0.0]] * 3, period=0.5)
    assert (several.start, several.last, several.end) == (10.0, 11.0, 11.5)
    two, _ = lay_out([[0.0, 0.0]] * 2, period=0.5)
    assert (two.start, two.last, two.end, two.curve.period) == (10.0, 10.5, 11.0, 0.5)
    single, _ = lay_out([[0.0, 0.0]], period=0.5)
    assert (single.start, single.last, single.end) == (10.0, 10.0, 10.0)
    velocity, _ = lay_out([[0.0, 0.0]], period=0.5, mode=ControlMode.VELOCITY)
    assert (velocity.start, velocity.last, velocity.end) == (10.0, 10.0, 10.5)


def test_only_all_joints_in_order_are_a_whole_set_point() -> None:
    assert lay_out([[0.0, 0.0]])[0].is_full
    assert not lay_out([[0.0, 0.0]], names=("fast", "slow"))[0].is_full
    assert not lay_out([[0.0]], names=("slow",))[0].is_full


def is_smooth(positions: list[float], name: str = "slow", period: float = DT) -> bool:
    rows = np.zeros((len(positions), 2))
    rows[:, NAMES.index(name)] = positions
    return lay_out(rows, period=period)[0].is_smooth


def test_rows_within_every_rate_are_played_exactly() -> None:
    assert is_smooth(ramp(0.4, 3.9))
    assert is_smooth(ramp(0.5, 3.9))
    assert is_smooth(ramp(2.9, 19.0), "fast")


def test_rows_over_an_acceleration_limit_are_followed_within_it() -> None:
    assert not is_smooth(ramp(0.4, 4.4))
    assert not is_smooth(ramp(2.9, 21.0), "fast")
    assert not is_smooth([-position for position in ramp(0.4, 4.4)])


def test_single_command_and_rows_over_a_velocity_limit_are_followed_within_it() -> None:
    assert not is_smooth([0.0])
    assert not is_smooth(ramp(0.6, 3.9))


def test_curve_between_rows_counts_as_well() -> None:
    # The rows alone are slow enough; between them the curve is faster than the limit.
    assert not is_smooth([0.0, 0.0, 0.9, 0.9], period=2.0)
    assert not is_smooth([0.0, 0.0, 0.098, 0.098], period=0.2)
    assert is_smooth([0.0, 0.0, 0.02, 0.02], period=0.2)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_rows_that_end_too_fast_for_what_is_left_of_the_way_are_followed_within_the_limits(sign: float) -> None:
    # From 0.4 rad/s a joint with 4 rad/s^2 runs on for 0.02 rad, after one more tick of 0.004 rad.
    limit = 1.5 if sign > 0.0 else 1.0
    path = sign * np.array(ramp(0.4, 3.9))
    assert is_smooth(list(path - path[-1] + sign * (limit - 0.025)))
    assert not is_smooth(list(path - path[-1] + sign * (limit - 0.023)))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_rows_that_leave_a_limit_may_end_fast(sign: float) -> None:
    limit = 1.0 if sign > 0.0 else 1.5
    path = sign * np.array(ramp(0.4, 3.9))
    assert is_smooth(list(path - path[0] - sign * limit))

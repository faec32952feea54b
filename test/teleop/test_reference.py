"""The set-point that teleoperation asks for: within limits whatever is asked, and every chunk ends at rest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strands_robots.core.types import JointLimits
from strands_robots.teleop.reference import ACCELERATION, Reference

LIMITS = JointLimits(("a",), np.array([-1.5]), np.array([1.5]), np.array([3.0]), np.array([20.0]), np.ones(1))
PERIOD = 0.02


@settings(max_examples=60)
@given(
    st.lists(st.floats(-3.0, 3.0), min_size=1, max_size=40),
    st.floats(-1.0, 1.0),
    st.floats(-1.0, 1.0),
    st.floats(0.05, 1.0),
)
def test_any_goals_give_rows_within_the_limits_that_end_at_rest(
    goals: list[float], start: float, velocity: float, speed: float
) -> None:
    reference = Reference(LIMITS, PERIOD, 0.25)
    reference.begin(np.array([start]), np.array([velocity]), speed, 0.0)
    path = [start - velocity * PERIOD, start]
    for i, goal in enumerate(goals):
        rows = reference.follow(np.array([goal]), speed, i * PERIOD)
        assert rows[0, 0] == pytest.approx(path[-1], abs=1e-9), "a chunk begins where the last one's next row was"
        assert rows[-1, 0] == pytest.approx(rows[-2, 0], abs=1e-9)
        assert (np.abs(rows) <= 1.5 + 1e-9).all()
        acceleration = np.diff(np.diff(np.concatenate([path[-2:], rows[1:, 0]]))) / PERIOD**2
        assert np.abs(acceleration).max() <= ACCELERATION * 20.0 * 1.001 + 1e-6
        path.append(float(rows[1, 0]))
    fastest = max(abs(velocity), 3.0 * speed)
    assert np.abs(np.diff(path)).max() / PERIOD <= fastest + 1e-6


def test_gap_is_closed_at_the_handover_speed_and_then_followed_at_full_speed() -> None:
    reference = Reference(LIMITS, PERIOD, 0.25)
    reference.begin(np.zeros(1), np.zeros(1), 1.0, 0.0)
    path = [0.0]
    for i in range(200):
        goal = 1.0 if i < 120 else 1.0 - 0.04 * min(i - 120, 30)
        path.append(float(reference.follow(np.array([goal]), 1.0, i * PERIOD)[1, 0]))
    speed = np.diff(path) / PERIOD
    assert speed[:120].max() == pytest.approx(0.75, rel=0.05)
    assert path[120] == pytest.approx(1.0, abs=1e-6)
    assert np.abs(speed[120:]).max() > 1.8, "once the gap is closed the leader is followed as fast as it goes"


def test_late_chunk_goes_on_from_where_the_last_one_has_braked_to() -> None:
    reference = Reference(LIMITS, PERIOD, 1.0)
    reference.begin(np.zeros(1), np.zeros(1), 1.0, 0.0)
    for i in range(20):
        rows = reference.follow(np.array([0.04 * i]), 1.0, i * PERIOD)
    late = reference.follow(np.array([0.8]), 1.0, 20 * PERIOD + 0.1)
    assert late[0, 0] == pytest.approx(rows[6, 0], abs=1e-9)
    assert late[0, 0] > rows[1, 0] + 0.01

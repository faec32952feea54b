"""Paths in time: from rest to rest, smooth, within limits, and to be stopped anywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from strands_robots.core.errors import ShapeError
from strands_robots.core.types import JointLimits
from strands_robots.motion.path import ROW_PERIOD, JointPath, TimedPath, quintic

DT = 0.001
LIMITS = JointLimits(
    names=("a", "b", "c"),
    lower=np.array([-2.0, -1.0, 0.0]),
    upper=np.array([2.0, 1.0, 0.1]),
    velocity=np.array([3.0, 1.5, 0.1]),
    acceleration=np.array([20.0, 5.0, 1.0]),
    effort=np.ones(3),
)
COLUMNS = [0, 1, 2]
POINT = st.tuples(st.floats(-2.0, 2.0), st.floats(-1.0, 1.0), st.floats(0.0, 0.1))
WAYS = st.lists(POINT, min_size=2, max_size=6).map(np.array)
SPEEDS = st.floats(0.05, 1.0)


@settings(deadline=None)
@given(WAYS, SPEEDS)
@example(np.array([[0.0, 0, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0], [0.25, 0, 0], [0, 0, 0]]), 1.0)
@example(np.array([[0.0, 0, 0], [1, 0, 0], [1.001, 0, 0], [0, 0, 0.05]]), 0.5)
@example(np.array([[0.0, 0, 0], [1.25, 0.0625, 0], [1.25, 0, 0], [1.25, 0, 0], [0, 0, 0]]), 1.0)
def test_a_timed_path_keeps_the_limits_and_begins_and_ends_at_rest(points: np.ndarray, speed: float) -> None:
    timed = TimedPath(JointPath(points), LIMITS, COLUMNS, speed)
    times = np.arange(int(timed.duration / DT) + 2) * DT
    rows = timed.at(times)
    velocity = np.diff(rows, axis=0) / DT
    acceleration = np.diff(velocity, axis=0) / DT
    assert np.allclose(rows[0], points[0]) and np.allclose(timed.at(np.array([timed.duration]))[0], points[-1])
    assert (np.abs(velocity) <= speed * LIMITS.velocity * (1.0 + 1e-6) + 1e-9).all()
    assert (np.abs(acceleration) <= speed**2 * LIMITS.acceleration * 1.001 + 1e-6).all()
    assert np.abs(velocity[[0, -1]]).max() <= 0.05 * LIMITS.velocity.max()


@settings(deadline=None)
@given(WAYS, SPEEDS)
def test_a_path_goes_through_its_way_points(points: np.ndarray, speed: float) -> None:
    path = JointPath(points)
    assert np.allclose(path.at(path.knots), points, atol=1e-9)


@settings(deadline=None)
@given(WAYS, SPEEDS, st.floats(0.0, 1.0), st.floats(0.0, 0.3))
def test_a_chunk_ends_at_rest_on_the_path_within_the_acceleration_limits(
    points: np.ndarray, speed: float, at: float, ahead: float
) -> None:
    timed = TimedPath(JointPath(points), LIMITS, COLUMNS, speed)
    time = at * timed.duration
    rows, end = timed.rows(time, ahead)
    assert np.allclose(rows[0], timed.at(np.array([time]))[0])
    assert time - 1e-9 <= end <= timed.duration + 1e-9
    assert np.allclose(rows[-1], timed.at(np.array([end]))[0], atol=1e-6)
    if end < timed.duration:
        before = timed.at(np.array([time - ROW_PERIOD]))
        with_rest = np.concatenate([before, rows, rows[-1:]])
        acceleration = np.diff(with_rest, n=2, axis=0) / ROW_PERIOD**2
        assert (np.abs(acceleration) <= LIMITS.acceleration * (1.0 + 1e-9)).all()


@settings(deadline=None)
@given(WAYS, SPEEDS, st.floats(0.0, 0.9))
def test_chunks_of_one_path_agree_where_they_overlap(points: np.ndarray, speed: float, at: float) -> None:
    timed = TimedPath(JointPath(points), LIMITS, COLUMNS, speed)
    time, ahead = at * timed.duration, 0.2
    first, _ = timed.rows(time, ahead)
    second, _ = timed.rows(time + 4 * ROW_PERIOD, ahead)
    both = min(int(ahead / ROW_PERIOD) - 4, len(first) - 4, len(second))
    assert np.allclose(first[4 : 4 + both], second[:both], atol=1e-9)


def test_the_rest_of_a_path_starts_where_it_was_left() -> None:
    path = JointPath(np.array([[0.0, 0.0, 0.0], [1.0, 0.5, 0.05]]))
    whole = TimedPath(path, LIMITS, COLUMNS, 0.5)
    rest = TimedPath(path, LIMITS, COLUMNS, 0.5, whole.parameter(0.4 * whole.duration))
    assert np.allclose(rest.at(np.array([0.0])), whole.at(np.array([0.4 * whole.duration])))
    assert np.allclose(rest.at(np.array([rest.duration])), path.points[-1])


def test_half_the_speed_takes_twice_the_time() -> None:
    path = JointPath(np.array([[0.0, 0.0, 0.0], [1.0, 0.5, 0.05]]))
    fast, slow = (TimedPath(path, LIMITS, COLUMNS, speed).duration for speed in (1.0, 0.5))
    assert slow == pytest.approx(2.0 * fast)


def test_one_way_point_is_no_path() -> None:
    with pytest.raises(ShapeError, match="N >= 2"):
        JointPath(np.zeros((1, 3)))


def test_the_quintic_is_flat_at_both_ends() -> None:
    values = quintic(np.array([-1.0, 0.0, 1e-3, 0.5, 1.0 - 1e-3, 1.0, 2.0]))
    assert np.allclose(values, [0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 1.0], atol=1e-7)

"""Interpolation of trajectories, against polynomials that it must reproduce."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strands_robots.control.trajectory import MAX_ROWS, Trajectory
from strands_robots.core.errors import ConfigurationError, ShapeError

TIMES = np.array([0.0, 0.3, 0.5, 1.7])


def polynomial(order: int) -> tuple[np.polynomial.Polynomial, Trajectory]:
    """A polynomial of one joint, and its points as a trajectory with the derivatives that determine it."""
    curve = np.polynomial.Polynomial([0.3, -0.7, 1.1, 0.4, -0.9, 0.25][: order + 1])

    def column(k: int) -> np.ndarray:
        return (curve.deriv(k) if k else curve)(TIMES)[:, None]

    return curve, Trajectory(TIMES, column(0), column(1) if order > 1 else None, column(2) if order > 3 else None)


@pytest.mark.parametrize("order", [1, 3, 5])
def test_interpolation_reproduces_polynomials(order: int) -> None:
    curve, trajectory = polynomial(order)
    times = np.linspace(0.0, 1.7, 101)
    assert trajectory.at(times)[:, 0] == pytest.approx(curve(times), abs=1e-12)


def test_position_is_held_before_and_after() -> None:
    trajectory = Trajectory(np.array([1.0, 2.0]), np.array([[1.0], [3.0]]))
    assert trajectory.at(np.array([0.0, 1.0, 1.5, 2.0, 9.0]))[:, 0] == pytest.approx([1.0, 1.0, 2.0, 3.0, 3.0])


def test_rows_end_exactly_at_the_last_point() -> None:
    rows, period = Trajectory(np.array([0.0, 0.037]), np.array([[0.0], [1.0]])).resample(0.01)
    assert period == 0.01 and len(rows) == 5
    assert rows[:, 0] == pytest.approx([0.0, 10 / 37, 20 / 37, 30 / 37, 1.0])


def test_long_trajectory_gets_longer_periods_instead_of_too_many_rows() -> None:
    rows, period = Trajectory(np.array([0.0, 600.0]), np.zeros((2, 64))).resample(0.001)
    assert rows.size <= MAX_ROWS and (len(rows) - 1) * period >= 600.0


def test_start_is_put_before_the_first_point_and_a_delay_holds_it() -> None:
    trajectory = Trajectory(np.array([1.0]), np.array([[2.0]]), np.array([[0.0]]))
    begun = trajectory.begin_at(np.array([0.5]), 0.0)
    assert begun.times.tolist() == [0.0, 1.0] and begun.at(np.array([0.0, 0.5]))[:, 0] == pytest.approx([0.5, 1.25])
    delayed = trajectory.begin_at(np.array([0.5]), 2.0)
    assert delayed.times.tolist() == [0.0, 2.0, 3.0]
    assert delayed.at(np.array([0.0, 1.9, 2.0, 3.0]))[:, 0] == pytest.approx([0.5, 0.5, 0.5, 2.0])


def test_trajectory_that_gives_its_start_is_left_alone() -> None:
    trajectory = Trajectory(np.array([0.0, 1.0]), np.array([[1.0], [2.0]]))
    assert trajectory.begin_at(np.array([0.9]), 0.0) is trajectory
    assert trajectory.begin_at(np.array([0.9]), 0.5).times.tolist() == [0.0, 0.5, 1.5]


@pytest.mark.parametrize("times", [[0.0, 0.0], [1.0, 0.5], [-0.1, 1.0], [0.0, 601.0], [0.0, np.nan]])
def test_times_that_cannot_be_played_are_refused(times: list[float]) -> None:
    with pytest.raises(ConfigurationError, match="time_from_start"):
        Trajectory(np.array(times), np.zeros((2, 1)))


def test_shapes_that_do_not_agree_are_refused() -> None:
    with pytest.raises(ShapeError, match="velocities have shape"):
        Trajectory(np.array([0.0, 1.0]), np.zeros((2, 3)), np.zeros((2, 2)))
    with pytest.raises(ShapeError, match="times and"):
        Trajectory(np.array([0.0]), np.zeros((2, 3)))


@given(st.lists(st.tuples(st.floats(1e-3, 2.0), st.floats(-2.0, 2.0)), min_size=1, max_size=8))
def test_linear_rows_stay_between_their_points(points: list[tuple[float, float]]) -> None:
    times = np.cumsum([step for step, _ in points])
    values = np.array([[value] for _, value in points])
    rows, _ = Trajectory(times, values).begin_at(np.zeros(1), 0.0).resample(0.01)
    assert rows.max() <= max(values.max(), 0.0) + 1e-12 and rows.min() >= min(values.min(), 0.0) - 1e-12
    assert rows[-1] == pytest.approx(values[-1])

"""When a robot counts as at rest."""

from __future__ import annotations

import numpy as np

from strands_robots.control.rest import RestMonitor

THRESHOLD, DURATION = 0.02, 0.1


def monitor() -> RestMonitor:
    return RestMonitor(6, THRESHOLD, DURATION)


def velocities(one: float) -> np.ndarray:
    values = np.zeros(6)
    values[3] = one
    return values


def test_nothing_measured_yet_is_no_rest() -> None:
    assert not monitor().is_at_rest(1.0)


def test_rest_needs_the_whole_duration() -> None:
    rest = monitor()
    rest.update(velocities(0.0), 1.0, 1.0)
    assert not rest.is_at_rest(1.0 + 0.9 * DURATION)
    assert rest.is_at_rest(1.0 + DURATION)


def test_one_joint_just_over_the_threshold_is_no_rest() -> None:
    for velocity in (THRESHOLD, -THRESHOLD, 1.01 * THRESHOLD, -1.01 * THRESHOLD):
        rest = monitor()
        rest.update(velocities(velocity), 1.0, 1.0)
        assert not rest.is_at_rest(2.0), velocity


def test_all_joints_just_under_the_threshold_are_at_rest() -> None:
    rest = monitor()
    rest.update(np.full(6, -0.99 * THRESHOLD), 1.0, 1.0)
    assert rest.is_at_rest(1.0 + DURATION)


def test_a_motion_in_between_begins_the_duration_anew() -> None:
    rest = monitor()
    rest.update(velocities(0.0), 1.0, 1.0)
    rest.update(velocities(1.0), 1.05, 1.05)
    rest.update(velocities(0.0), 1.09, 1.09)
    assert not rest.is_at_rest(1.15)
    assert rest.is_at_rest(1.09 + DURATION)


def test_velocity_that_is_no_number_is_no_rest() -> None:
    rest = monitor()
    rest.update(velocities(float("nan")), 1.0, 1.0)
    assert not rest.is_at_rest(2.0)


def test_clock_that_went_back_begins_the_duration_anew() -> None:
    rest = monitor()
    rest.update(velocities(0.0), 100.0, 1.0)
    rest.update(velocities(0.0), 5.0, 1.01)
    assert not rest.is_at_rest(5.0 + 0.5 * DURATION)
    assert rest.is_at_rest(5.01 + DURATION)


def test_last_update_is_the_steady_time_of_the_measurement() -> None:
    rest = monitor()
    assert rest.last_update < -1e9
    rest.update(velocities(0.5), 1.0, 7.0)
    assert rest.last_update == 7.0 and rest.max_velocity == 0.5

"""An arm that does not follow its set-points is found by its motion alone, and one that follows late is not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strands_robots.drivers.follow_watch import FollowWatch

VELOCITY = np.array([3.0, 3.0])
LAG, TICK = 0.1, 0.01


def run(
    speed: Callable[[float], float],
    is_on: Callable[[float], bool],
    delay: float,
    sag: float = 0.0,
    seconds: float = 3.0,
    pause: tuple[float, float] = (0.0, 0.0),
) -> tuple[float | None, float]:
    """Move joint 0; return when it was found not to follow [s], and how far its set-point was ahead then or at most [rad].

    The arm is where its set-point was `delay` ago, lower by `sag`, and stands while its controller is off.
    """
    watch = FollowWatch(VELOCITY, LAG)
    targets = [0.0] * 100
    position = np.array([-sag, 0.0])
    watch.on_rest(position, np.zeros(2))
    furthest = 0.0
    for tick in range(round(seconds / TICK)):
        if pause[0] <= tick * TICK < pause[1]:
            continue
        now = 1.0 + tick * TICK
        if is_on(tick * TICK):
            position[0] = targets[-1 - round(delay / TICK)] - sag
        target = np.array([targets[-1], 0.0])
        joint = watch.check(position, np.full(2, now))
        furthest = max(furthest, abs(target[0] - position[0]) - sag)
        if joint is not None:
            assert joint == 0
            return tick * TICK, furthest
        targets.append(targets[-1] + speed(tick * TICK) * TICK)
        watch.on_target(np.array([targets[-1], 0.0]), now)
    return None, furthest


@settings(max_examples=100, deadline=None)
@given(
    top=st.floats(-3.0, 3.0), period=st.floats(0.2, 3.0), delay=st.sampled_from([0.0, 0.02, 0.05, 0.09]),
    sag=st.floats(0.0, 0.2),
)  # fmt: skip
def test_arm_that_follows_within_its_lag_is_never_accused(top: float, period: float, delay: float, sag: float) -> None:
    found, _ = run(lambda t: top * np.sin(2 * np.pi * t / period), lambda t: True, delay, sag)
    assert found is None


@settings(max_examples=100, deadline=None)
@given(speed=st.floats(0.2, 3.0), delay=st.sampled_from([0.0, 0.02, 0.09]), at=st.floats(0.3, 1.0))
def test_arm_whose_controller_goes_off_in_motion_is_found_while_its_set_point_is_near(
    speed: float, delay: float, at: float
) -> None:
    found, furthest = run(lambda t: speed, lambda t: t < at, delay)
    assert found is not None and found - at < 0.1
    assert furthest <= speed * (delay + 0.1)


@pytest.mark.parametrize("speed", [0.02, 0.1, 0.5, 3.0])
def test_arm_whose_controller_was_off_from_the_start_is_found_at_any_speed(speed: float) -> None:
    found, furthest = run(lambda t: speed, lambda t: False, 0.0, seconds=20.0)
    assert found is not None and furthest <= 0.09 + 2 * LAG * speed


@pytest.mark.parametrize("length", [0.03, 0.2])
def test_set_points_that_stop_for_a_moment_let_the_joint_stand(length: float) -> None:
    found, _ = run(lambda t: 1.0, lambda t: True, 0.0, pause=(1.0, 1.0 + length))
    assert found is None


def test_a_state_that_comes_late_is_no_joint_that_stands() -> None:
    watch = FollowWatch(VELOCITY, LAG)
    for tick in range(100):
        now, place = tick * TICK, np.array([0.01 * tick, 0.0])
        is_late = 50 <= tick < 56
        heard = 0.5 if is_late else now
        position = np.array([0.5, 0.0]) if is_late or tick == 56 else place
        assert watch.check(position, np.full(2, heard)) is None
        watch.on_target(place, now)


def test_nothing_that_was_before_a_restart_counts() -> None:
    watch = FollowWatch(VELOCITY, LAG)
    position = np.zeros(2)
    found = []
    for tick in range(50):
        found.append(watch.check(position, np.full(2, tick * TICK)))
        watch.on_target(np.array([0.01 * tick, 0.0]), tick * TICK)
    assert found[-1] == 0
    watch.restart()
    assert watch.check(position, np.full(2, 0.5)) is None
    watch.on_target(position, 0.51)
    assert watch.check(position, np.full(2, 0.52)) is None

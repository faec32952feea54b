"""A page's held buttons: how long a beat counts, presses that paused, and motions that a robot does not have."""

from __future__ import annotations

import math
from typing import Any

import pytest

from strands_robots.console.drive_leader import HOLD_TIME, BadMotionError, PageLeader
from strands_robots.teleop.frame import TeleopMode

UP = {"joint": "elbow", "rate": 0.5}


class Clock:
    now = 100.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def leader(clock: Clock) -> PageLeader:
    return PageLeader(["elbow", "wrist"], lambda: clock.now)


def test_a_beat_counts_for_a_moment_only(leader: PageLeader, clock: Clock) -> None:
    leader.hold("1", UP)
    clock.now += HOLD_TIME - 0.01
    frame = leader.read()
    assert frame.is_held and frame.rates == {"elbow": 0.5} and frame.stamp == clock.now
    clock.now += 0.02
    assert not leader.read().is_held and leader.read().is_still


def test_a_press_that_paused_is_over_however_many_of_its_beats_come(leader: PageLeader, clock: Clock) -> None:
    leader.hold("1", UP)
    clock.now += HOLD_TIME + 0.01
    for _ in range(20):
        leader.hold("1", UP)
        assert not leader.read().is_held
    leader.hold("2", UP)
    assert leader.read().is_held, "a new press moves again"
    leader.hold("1", {"joint": "wrist", "rate": 1})
    assert leader.read().rates == {"elbow": 0.5}, "and the old one changes nothing of it"


def test_letting_go_ends_the_press_at_once_and_its_late_beats(leader: PageLeader) -> None:
    leader.hold("1", UP)
    leader.release()
    assert not leader.read().is_held
    leader.hold("1", UP)
    assert not leader.read().is_held


@pytest.mark.parametrize(
    ("motion", "mode", "field", "value"),
    [
        ({"joint": "wrist", "rate": -1}, TeleopMode.JOINTS, "rates", {"wrist": -1.0}),
        ({"gripper": 0.5}, TeleopMode.JOINTS, "gripper", 0.5),
        ({"axis": "y", "rate": 1}, TeleopMode.TOOL, "linear", (0.0, 1.0, 0.0)),
        ({"turn": "z", "rate": -0.5}, TeleopMode.TOOL, "angular", (0.0, 0.0, -0.5)),
    ],
)
def test_each_kind_of_button_is_a_motion(
    leader: PageLeader, motion: Any, mode: TeleopMode, field: str, value: Any
) -> None:
    leader.hold("1", motion)
    frame = leader.read()
    assert frame.mode is mode and getattr(frame, field) == value


@pytest.mark.parametrize(
    "motion",
    [
        {}, {"joint": "knee", "rate": 1}, {"joint": ["elbow"], "rate": 1}, {"joint": "elbow"}, {"joint": "elbow", "rate": 2},
        {"joint": "elbow", "rate": math.nan}, {"joint": "elbow", "rate": True}, {"joint": "elbow", "rate": "1"}, {"axis": "w", "rate": 1},
        {"turn": None, "rate": 1}, {"gripper": math.inf},
    ],
)  # fmt: skip
def test_a_motion_that_the_robot_does_not_have_is_refused_in_words_and_moves_nothing(
    leader: PageLeader, motion: Any
) -> None:
    with pytest.raises(BadMotionError, match="valid"):
        leader.hold("1", motion)
    assert not leader.read().is_held


def test_presses_without_end_are_forgotten_in_time(leader: PageLeader) -> None:
    for number in range(5000):
        leader.hold(f"press {number}", UP)
    assert len(leader._over) <= 1025

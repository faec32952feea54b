"""A controller that hangs amid a motion takes what waits for it when it goes on: its arm must not jump.

The controllers here do what the published ones do with the newest message: a joint_trajectory_controller goes to the point within its
time, a forward_command_controller at once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from strands_robots.core.arrays import FloatArray
from strands_robots.drivers.controllers import load_controllers
from strands_robots.drivers.set_point_sender import AGED, SetPointSender

TICK, LEAD, STALE = 0.01, 0.01, 0.15
BRAKES = 3.0
"""Deceleration of a stop [rad/s^2]."""


class HangingArm:
    """One joint whose controller hangs: its states stop, and it acts on the newest message when it goes on."""

    def __init__(self, kind: str, lead: float = LEAD) -> None:
        robot = load_controllers(f"{{controllers: [{{name: x, kind: {kind}}}], manager: ''}}", ("a",))
        self.is_trajectory = kind == "joint_trajectory"
        self.sender = SetPointSender(robot.outputs[0], lead, STALE, self.receive)
        self.position = self.goal = 0.0
        self.left = 0.0
        self.messages = 0
        self.steps: list[float] = []

    def receive(self, values: FloatArray, within: float) -> None:
        self.goal, self.left = float(values[0]), within
        self.messages += 1

    def follow(self) -> None:
        before = self.position
        part = min(TICK / self.left, 1.0) if self.is_trajectory and self.left > 0.0 else 1.0
        self.position += part * (self.goal - self.position)
        self.left -= TICK
        self.steps.append(abs(self.position - before))

    def play(self, set_points: Iterator[float], hang: tuple[float, float], until: float) -> None:
        """Send set-points tick by tick; the controller hangs from one time to another [s]."""
        seen_at, seen = 0.0, 0.0
        for k in range(round(until / TICK)):
            now = k * TICK
            if not hang[0] <= now < hang[1]:
                self.follow()
                seen_at, seen = now, self.position
            self.sender.send(np.array([next(set_points)]), np.array([seen]), now - seen_at, now)


def motion(speed: float, stops_at: float) -> Iterator[float]:
    """Set-points of a joint that moves, and brakes from some time on [s]."""
    value, now = 0.0, 0.0
    while True:
        value += speed * TICK
        now += TICK
        if now > stops_at:
            speed = max(speed - BRAKES * TICK, 0.0)
        yield value


@pytest.mark.parametrize("kind", ["joint_trajectory", "position"])
@pytest.mark.parametrize("hung", [0.05, 0.08, 0.12, 0.35, 2.0])
@pytest.mark.parametrize("speed", [0.3, 1.0, 2.0])
def test_arm_whose_controller_hung_goes_on_about_as_fast_as_it_was(kind: str, hung: float, speed: float) -> None:
    arm = HangingArm(kind)
    is_stopped = hung > STALE
    set_points = motion(speed, 1.0 + STALE if is_stopped else 10.0)
    arm.play(set_points, (1.0, 1.0 + hung), 5.0)
    unseen = AGED * STALE + TICK  # until the states are missed
    assert max(arm.steps) <= 1.01 * speed * unseen
    assert sorted(arm.steps)[-5] <= 1.6 * speed * TICK
    if not is_stopped:
        assert arm.position == pytest.approx(5.0 * speed, abs=2.5 * speed * TICK), "the motion goes on as it was meant"


@pytest.mark.parametrize("kind", ["joint_trajectory", "position"])
def test_states_on_time_change_nothing(kind: str) -> None:
    arm = HangingArm(kind)
    arm.play(motion(1.0, 10.0), (0.0, 0.0), 2.0)
    assert arm.messages == 200
    assert arm.steps[5:] == pytest.approx([TICK] * (len(arm.steps) - 5))


def test_trajectory_controller_without_states_is_slowed_down_not_cut_off() -> None:
    arm = HangingArm("joint_trajectory")
    set_points = motion(1.0, 1.0 + STALE)
    for k in range(200):
        now = k * TICK
        arm.follow()  # The broadcaster alone is silent.
        arm.sender.send(np.array([next(set_points)]), np.array([0.0]), max(now - 1.0, 0.0), now)
    slowing = np.diff(arm.steps[100:]) / TICK**2
    assert slowing.min() > -10.0 * BRAKES, "the arm brakes, and does not stop dead"


def test_set_point_at_rest_is_not_sent_again_after_a_gap() -> None:
    arm = HangingArm("position")
    for k, age in enumerate([0.0, 0.0, 0.1, 0.2, 0.0, 0.0]):
        arm.sender.send(np.array([0.5]), np.array([0.48]), age, k * TICK)
    assert arm.messages == 1, "an arm that sags holds"


def test_controller_that_goes_inactive_while_it_catches_up_is_told_its_next_target_whole() -> None:
    arm = HangingArm("position")
    send = arm.sender.send
    for k, age in enumerate([0.0, 0.1, 0.1, 0.0]):
        send(np.array([0.1 * k]), np.array([0.02]), age, k * TICK)
    assert 0.0 < arm.goal < 0.3, "it catches up"
    arm.sender.is_silent = True
    send(np.array([0.3]), np.array([0.02]), 0.0, 0.05)
    arm.sender.is_silent = False
    send(np.array([0.02]), np.array([0.02]), 0.0, 0.06)
    assert arm.goal == 0.02

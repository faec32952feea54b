"""Keys and joystick messages as frames: what moves, for how long, and what stops."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from strands_robots.core.errors import ConfigurationError
from strands_robots.teleop.frame import BadFrameError, TeleopMode
from strands_robots.teleop.joystick import JoystickConfig, JoystickLeader
from strands_robots.teleop.keyboard import HOLD_TIME, KeyboardLeader, Order, help_lines
from strands_robots.teleop.screen import WIDTH, state_line
from strands_robots.teleop.teleoperation import TeleopReport

JOINTS = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll")


class Keyboard:
    """A keyboard with a hand-driven clock."""

    def __init__(self, mode: TeleopMode = TeleopMode.TOOL) -> None:
        self.time = 5.0
        self.orders: list[Order] = []
        self.leader = KeyboardLeader(JOINTS, mode, self.orders.append, lambda: self.time)


def test_key_moves_while_it_repeats_and_no_longer() -> None:
    keyboard = Keyboard()
    keyboard.leader.press("w")
    for _ in range(10):
        keyboard.time += 0.03
        keyboard.leader.press("w")
        frame = keyboard.leader.read()
        assert frame.is_held and frame.linear == (1.0, 0.0, 0.0)
    keyboard.time += HOLD_TIME + 0.001
    frame = keyboard.leader.read()
    assert not frame.is_held and frame.is_still


def test_opposite_keys_cancel_and_different_ones_add() -> None:
    keyboard = Keyboard()
    for key in "wsrl":
        keyboard.leader.press(key)
    frame = keyboard.leader.read()
    assert frame.linear == (0.0, 0.0, 1.0) and frame.angular == (1.0, 0.0, 0.0)


def test_mode_key_changes_what_keys_mean_and_lets_go_of_those_held() -> None:
    keyboard = Keyboard()
    keyboard.leader.press("w")
    keyboard.leader.press("m")
    assert keyboard.leader.read().is_still and keyboard.leader.read().mode is TeleopMode.JOINTS
    keyboard.leader.press("w")
    keyboard.leader.press("1")
    keyboard.leader.press("h")
    frame = keyboard.leader.read()
    assert frame.rates == {"shoulder_lift": -1.0, "shoulder_pan": 1.0} and frame.gripper == 1.0


def test_clutch_holds_the_robot_between_keys_and_a_stop_lets_go() -> None:
    keyboard = Keyboard()
    keyboard.leader.press("c")
    assert keyboard.leader.read().is_held and keyboard.leader.read().is_still
    keyboard.leader.press("w")
    keyboard.leader.press(" ")
    assert keyboard.orders == [Order.CLUTCH, Order.STOP]
    assert not keyboard.leader.read().is_held


def test_every_key_that_moves_is_in_the_words_on_the_screen() -> None:
    words = "\n".join(help_lines(JOINTS))
    assert all(f"{up}/{down} {joint}" in words for joint, up, down in zip(JOINTS, "12345", "qwert"))
    assert all(text in words for text in ("w/s", "a/d", "r/f", "l/j", "i/k", "u/o", "h/g", "space STOP"))


def joystick(mode: TeleopMode = TeleopMode.TOOL, **options: object) -> tuple[JoystickLeader, list[str]]:
    stops: list[str] = []
    return JoystickLeader(JOINTS, mode, JoystickConfig(**options), lambda: stops.append("stop")), stops  # type: ignore[arg-type]


def buttons(*pressed: int) -> list[int]:
    return [int(number in pressed) for number in range(11)]


def test_axes_move_the_tool_beyond_the_dead_zone_and_only_the_dead_man_engages() -> None:
    leader, _ = joystick()
    leader.take([0.05, 1.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0], buttons())
    frame = leader.read()
    assert frame is not None and not frame.is_held
    assert frame.linear == pytest.approx((1.0, 0.0, -1.0))
    leader.take([0.55, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], buttons(4, 1))
    frame = leader.read()
    assert frame is not None and frame.is_held and frame.gripper == 1.0
    assert frame.linear == pytest.approx((0.0, 0.5, 0.0))


def test_joystick_turns_joints_in_mode_joints() -> None:
    leader, _ = joystick(TeleopMode.JOINTS, axes=(0, 1, -1, -1, -1, -1), signs=(-1.0, 1.0, 1.0, 1.0, 1.0, 1.0))
    leader.take([1.0, -1.0], buttons(4))
    frame = leader.read()
    assert frame is not None and frame.rates == pytest.approx({"shoulder_pan": -1.0, "shoulder_lift": -1.0})


def test_stop_button_stops_once_when_it_goes_down() -> None:
    leader, stops = joystick()
    for pressed in ((), (6,), (6,), (), (6,)):
        leader.take([0.0] * 8, buttons(*pressed))
    assert stops == ["stop", "stop"]


def test_silent_joystick_gives_no_frame() -> None:
    leader, _ = joystick()
    leader.take([0.0] * 8, buttons(4))
    assert leader.read() is not None
    assert leader.read() is None


def test_joystick_with_too_few_axes_is_named_and_not_finite_axes_stay_so() -> None:
    leader, _ = joystick()
    leader.take([0.0, 0.0], buttons())
    with pytest.raises(BadFrameError, match="2 axes and 11 buttons"):
        leader.read()
    leader.take([0.0, math.nan, 0, 0, 0, 0, 0, 0], buttons())
    frame = leader.read()
    assert frame is not None and math.isnan(frame.linear[0])


def test_joystick_without_a_dead_man_switch_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="must be held"):
        JoystickConfig(dead_man=-1)
    with pytest.raises(ConfigurationError, match="six"):
        JoystickConfig(axes=(1, 2))


def test_line_on_the_screen_says_whether_the_robot_moves_why_not_and_what_was_bad() -> None:
    report = TeleopReport(
        robot="so101", source="teleop/x", leader="joy", mode=TeleopMode.TOOL, engaged=False, message="'so101' is stopped: \u00fc",
        speed=0.5, stamp=0.0, input_rate=49.6, input_age=0.0, frames=3, bad_frames={"jump": 2, "time": 1}, refused_steps=0,
    )  # fmt: skip
    line = state_line(report)
    assert (
        line.startswith("holds  so101  tool    speed 0.50  input   50 Hz  3 bad frames  | 'so101' is stopped")
        and line.isascii()
    )
    assert state_line(replace(report, engaged=True, message="x" * 500)).startswith("MOVES")
    assert len(state_line(replace(report, message="x" * 500))) == WIDTH

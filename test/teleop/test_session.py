"""Who has the robot and when, with a real gate: the dead-man switch, take-over, stops, lost input, another operator."""

from __future__ import annotations

import math

import numpy as np
import pytest

from strands_robots.teleop.frame import TeleopMode
from strands_robots.teleop.keyboard import KeyboardLeader
from strands_robots.teleop.making import free_joints, make_mover
from strands_robots.teleop.teleoperation import EngageError

from .arm import CONFIG, HOME, LIMITS, NAMES, Arm, rates

PAN = NAMES.index("shoulder_pan")


def swing(arm: Arm, seconds: float, amplitude: float = 0.5) -> np.ndarray:
    """Rows of a policy that swings the first joint, at 50 Hz."""
    times = np.arange(round(seconds * 50)) * 0.02
    rows = np.tile(arm.position, (len(times), 1))
    rows[:, PAN] += amplitude * (1.0 - np.cos(2.0 * times))
    return rows


def test_robot_moves_while_the_switch_is_held_and_holds_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    arm = Arm(monkeypatch, speed=0.5)
    arm.say(rates={"shoulder_pan": 1.0})
    path = arm.run(0.6)
    velocity, acceleration = rates(path)
    assert arm.report().engaged and arm.sources[-1] == "teleop/operator"
    assert velocity[PAN] == pytest.approx(1.5, rel=0.05)
    assert (acceleration <= LIMITS.acceleration * 1.001 + 1e-6).all()
    arm.say(is_held=False)
    arm.run(0.4)
    rest = arm.position
    assert not arm.report().engaged and arm.report().message == ""
    assert (arm.run(0.5) == rest).all()
    assert rest[PAN] < path[-1][PAN] + 1.5**2 / 20.0 + 0.06, "it braked at once"


@pytest.mark.guarantee(
    "Supervision",
    "a hand moves the robot only while its switch is held and its input can be used",
    "teleop/teleoperation.py _decide",
)
def test_silent_leader_is_let_go_named_and_not_engaged_again_before_the_switch_was_released(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arm = Arm(monkeypatch)
    arm.say(rates={"shoulder_pan": 1.0})
    arm.run(0.3)
    arm.silent()
    arm.run(0.6)
    rest = arm.position
    assert not arm.report().engaged and "no usable frame" in arm.report().message
    arm.say(rates={"shoulder_pan": 1.0})
    assert (arm.run(0.5) == rest).all()
    assert "release the switch" in arm.report().message
    arm.say(is_held=False)
    arm.run(0.1)
    arm.say(rates={"shoulder_pan": 1.0})
    arm.run(0.2)
    assert arm.report().engaged and arm.position[PAN] > rest[PAN]


def test_bad_frames_are_counted_named_and_hold_the_robot(monkeypatch: pytest.MonkeyPatch) -> None:
    arm = Arm(monkeypatch, has_dead_man=False)
    arm.follow({"shoulder_pan": 0.0})
    arm.run(0.1)
    arm.teleop.engage(True, arm.time)
    arm.run(0.2)
    arm.follow({"shoulder_pan": math.nan})
    arm.run(0.15)
    assert arm.report().engaged and "nan" in arm.report().message
    assert arm.report().bad_frames["not_finite"] >= 5
    assert np.abs(arm.position - HOME).max() < 1e-9
    arm.run(0.3)
    assert not arm.report().engaged


def test_leader_that_jumps_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    arm = Arm(monkeypatch, has_dead_man=False)
    arm.follow({"shoulder_pan": 0.0})
    arm.run(0.1)
    arm.teleop.engage(True, arm.time)
    arm.run(0.1)
    arm.follow({"shoulder_pan": 1.5})
    path = arm.run(1.0)
    assert np.abs(path - HOME).max() < 1e-9
    assert not arm.report().engaged and arm.report().bad_frames["jump"] > 0


def test_teleop_takes_a_policy_over_and_gives_it_back_without_a_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    arm = Arm(monkeypatch, speed=0.5)
    assert arm.submit("policy/x", swing(arm, 4.0), 0.02)
    before = arm.run(1.0)
    assert arm.sources[-1] == "policy/x"
    arm.say(rates={"wrist_flex": -1.0})
    during = arm.run(1.0)
    assert set(arm.sources[-95:]) == {"teleop/operator"}
    assert not arm.submit("policy/x", swing(arm, 1.0), 0.02)
    arm.say(is_held=False)
    after = arm.run(1.5)
    away = swing(arm, 1.0)
    away[:, PAN] -= 0.8
    assert arm.submit("policy/x", away, 0.02)
    back = arm.run(3.0)
    velocity, acceleration = rates(np.concatenate([before, during, after, back]))
    print(
        f"largest step {0.01 * velocity.max():.4f} rad, velocity {velocity.max():.2f} rad/s, acceleration {acceleration.max():.1f}"
    )
    assert (acceleration <= LIMITS.acceleration * 1.001 + 1e-6).all()
    took_over = np.concatenate([before[-3:], during])
    assert np.abs(np.diff(took_over[:, PAN])).max() / 0.01 <= 1.0 + 0.02, "the policy's own speed, and no more"


def test_leader_arm_that_stands_elsewhere_is_joined_slowly_or_by_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    for engaging, away in (("offset", 0.0), ("blend", 0.8)):
        arm = Arm(monkeypatch, has_dead_man=False, engaging=engaging)
        arm.follow({"shoulder_pan": 0.8, "gripper": 1.2})
        arm.run(0.1)
        arm.teleop.engage(True, arm.time)
        path = arm.run(3.0)
        velocity, _ = rates(path)
        assert velocity.max() <= 0.25 * 3.0 * 1.08, engaging
        assert path[-1][PAN] == pytest.approx(HOME[PAN] + away, abs=1e-3)
        assert path[-1][NAMES.index("gripper")] == pytest.approx(1.2, abs=1e-3)


@pytest.mark.guarantee(
    "Supervision", "a stop wins over a hand, and a resume alone moves nothing", "teleop/teleoperation.py _trouble"
)
def test_stop_wins_and_a_resume_alone_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    arm = Arm(monkeypatch)
    arm.say(rates={"shoulder_pan": 1.0})
    arm.run(0.4)
    arm.stop()
    arm.run(0.5)
    rest = arm.position
    assert not arm.report().engaged and "is stopped" in arm.report().message
    arm.resume()
    assert (arm.run(1.0) == rest).all()
    assert not arm.gate.is_latched and not arm.report().engaged


@pytest.mark.guarantee(
    "Supervision",
    "a hand moves the robot only while its switch is held and its input can be used",
    "teleop/teleoperation.py _decide",
)
def test_switch_that_is_held_from_the_start_engages_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    arm = Arm(monkeypatch, is_released=False)
    arm.run(0.2)
    arm.say(rates={"shoulder_pan": 1.0})
    arm.run(0.5)
    assert not arm.report().engaged and (arm.position == HOME).all()


def test_operator_takes_the_robot_from_teleop(monkeypatch: pytest.MonkeyPatch) -> None:
    arm = Arm(monkeypatch)
    arm.say(rates={"shoulder_pan": 1.0})
    arm.run(0.3)
    assert arm.submit("operator/me", np.tile(arm.position, (100, 1)), 0.02)
    arm.run(0.2)
    assert arm.sources[-1] == "operator/me"
    assert not arm.report().engaged and "'operator/me' holds" in arm.report().message


def test_leader_without_a_switch_is_engaged_by_a_persons_word_only(monkeypatch: pytest.MonkeyPatch) -> None:
    arm = Arm(monkeypatch, has_dead_man=False, is_released=False)
    with pytest.raises(EngageError, match="says nothing"):
        arm.teleop.engage(True, arm.time)
    arm.follow({"shoulder_pan": 0.0})
    arm.run(0.3)
    assert not arm.report().engaged
    arm.teleop.engage(True, arm.time)
    arm.run(0.1)
    assert arm.report().engaged
    arm.teleop.engage(False, arm.time)
    arm.run(0.1)
    assert not arm.report().engaged


def test_switch_cannot_be_replaced_by_a_word_but_a_word_lets_go(monkeypatch: pytest.MonkeyPatch) -> None:
    arm = Arm(monkeypatch)
    arm.say(rates={"shoulder_pan": 1.0})
    arm.run(0.2)
    with pytest.raises(EngageError, match="dead-man"):
        arm.teleop.engage(True, arm.time)
    arm.teleop.engage(False, arm.time)
    arm.run(0.3)
    assert not arm.report().engaged


def test_chunks_that_are_refused_let_the_robot_go_with_the_gates_words(monkeypatch: pytest.MonkeyPatch) -> None:
    arm = Arm(monkeypatch)
    monkeypatch.setattr(arm.gate, "submit", lambda chunk, topic, now: None)
    arm.say(rates={"shoulder_pan": 1.0})
    arm.run(1.0)
    assert not arm.report().engaged and "not played" in arm.report().message


def test_world_that_is_reset_lets_the_robot_go(monkeypatch: pytest.MonkeyPatch) -> None:
    arm = Arm(monkeypatch)
    arm.say(rates={"shoulder_pan": 1.0})
    arm.run(0.3)
    arm.teleop._robot.stamp += 50.0
    arm.tick()
    assert not arm.teleop.is_engaged


def test_held_key_lifts_the_tool_through_gate_and_kinematics_and_a_released_one_holds_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from strands_robots.motion.arm import Arm as Kinematics

    arm = Arm(monkeypatch, speed=0.5)
    tool = Kinematics(CONFIG)
    keyboard = KeyboardLeader(free_joints(CONFIG), TeleopMode.TOOL, lambda order: None, lambda: arm.time)
    arm.teleop._mover = make_mover("so101", CONFIG, arm.options)
    before = tool.tool_pose(arm.position).position
    for _ in range(30):
        keyboard.press("r")
        arm.frame = keyboard.read()
        arm.run(0.03)
    lifted = tool.tool_pose(arm.position).position
    assert lifted[2] - before[2] == pytest.approx(0.9 * 0.5 * 0.2, abs=0.015)
    assert np.abs(lifted[:2] - before[:2]).max() < 0.004
    for _ in range(20):
        arm.frame = keyboard.read()
        arm.run(0.03)
    held = arm.position
    assert not arm.report().engaged
    assert (arm.run(0.3) == held).all()

"""Two arms behind two gates that play one plan: together, on the curve that was checked, and stopped together."""

from __future__ import annotations

import numpy as np
import pytest

from strands_robots.core.chunk import Chunk
from strands_robots.motion.group_motion import GroupMotion
from strands_robots.motion.motion_reason import MotionReason
from strands_robots.planning.plan import Plan
from strands_robots.planning.planning_scene import PlanningScene

from .two_arms import BASES, NAMES, PERIOD, TwoArms, planner, swap

SIDE = 0.7


@pytest.fixture(scope="module")
def plan() -> Plan:
    return planner().plan(swap(SIDE, speed=0.6), BASES, PlanningScene(clearance=0.01))


@pytest.fixture
def arms() -> TwoArms:
    return TwoArms(SIDE)


def begun(arms: TwoArms, plan: Plan, until: float, source: str = "operator/test") -> GroupMotion:
    """Return the motion once its path is done to a part of it."""
    group = arms.group(plan, source)
    while group.sessions[0].run is None or group.sessions[0].run.progress < until:
        arms.advance(group)
        assert not group.is_over, group.ending
    return group


def on_one_curve(arms: TwoArms, plan: Plan, since: int) -> float:
    """Return how far the set-points of both arms together were from the checked curve, at most [rad]."""
    limits = dict.fromkeys(NAMES, arms.limits)
    times = np.linspace(0.0, plan.duration, 3000)
    curve, rows = [], []
    for name in NAMES:
        move = plan.part(name, limits)
        assert move.timed is not None
        curve.append(move.timed.at(times))
        rows.append(np.array(arms.targets[name][since:])[:, list(move.columns)])
    whole, played = np.concatenate(curve, axis=1), np.concatenate(rows, axis=1)
    return max(float(np.abs(whole - row).max(axis=1).min()) for row in played)


def test_both_arms_come_to_their_places_on_the_curve_that_was_checked(arms: TwoArms, plan: Plan) -> None:
    since = len(arms.targets["left"])
    group = arms.group(plan)
    arms.play(group)
    assert group.ending is not None and group.ending.reason is MotionReason.REACHED, group.ending
    for name in NAMES:
        assert arms.world.robots[name].position[0] == pytest.approx(-SIDE, abs=0.03)
    settled = round((plan.duration + 0.3) / PERIOD)
    for name in NAMES:  # at the end the set-points correct for gravity, each arm by itself
        arms.targets[name] = arms.targets[name][: since + settled]
    assert on_one_curve(arms, plan, since) < 0.04


def test_both_begin_in_the_same_control_period(arms: TwoArms, plan: Plan) -> None:
    group = begun(arms, plan, 0.2)
    first = []
    for name in NAMES:
        rows = np.array(arms.targets[name])
        first.append(int(np.argmax(np.abs(rows - rows[0]).max(axis=1) > 1e-4)))
    assert abs(first[0] - first[1]) <= 3, "a joint that begins slowly passes 0.1 mrad a little later"
    starts = {session.run._begin for session in group.sessions}  # type: ignore[union-attr]
    assert len(starts) == 1, "one clock"


@pytest.mark.parametrize("stopped", NAMES)
def test_a_gate_that_latches_stops_both(arms: TwoArms, plan: Plan, stopped: str) -> None:
    group = begun(arms, plan, 0.3)
    other = NAMES[1 - NAMES.index(stopped)]
    assert arms.speed(other) > 0.1
    arms.arms[stopped].gate.stop("test", arms.now)
    began = arms.world.time
    arms.play(group)
    assert group.ending is not None and group.ending.reason is MotionReason.STOPPED
    assert f"'{stopped}': " in group.ending.message and "all robots of the plan brake" in group.ending.message
    assert arms.speed(stopped) < 1e-3 and arms.speed(other) < 1e-3 and arms.world.time - began < 1.5
    assert not arms.arms[other].gate.is_latched
    for name in NAMES:
        assert abs(arms.world.robots[name].position[0] + SIDE) > 0.2, "on the way, not at the end"


def test_a_cancelled_motion_brakes_both_on_the_checked_curve(arms: TwoArms, plan: Plan) -> None:
    since = len(arms.targets["left"])
    group = begun(arms, plan, 0.4)
    group.sessions[1].cancel("cancelled by the client")
    arms.play(group)
    assert group.ending is not None and group.ending.reason is MotionReason.CANCELLED
    assert on_one_curve(arms, plan, since) < 0.02, "both brake by one law, so they stay where it was checked"


def test_silence_of_the_clock_brakes_both_on_the_curve_and_then_goes_on(arms: TwoArms, plan: Plan) -> None:
    since = len(arms.targets["left"])
    group = begun(arms, plan, 0.3)
    for _ in range(60):  # motion_node is not heard for 0.6 s
        arms.tick()
        arms.tell(group)
    assert arms.speed("left") < 1e-3 and arms.speed("right") < 1e-3
    assert on_one_curve(arms, plan, since) < 0.02
    arms.play(group)
    assert group.ending is not None and group.ending.reason is MotionReason.REACHED, group.ending


def test_an_arm_that_hears_nothing_more_falls_behind_and_both_stop(arms: TwoArms, plan: Plan) -> None:
    group = begun(arms, plan, 0.3)
    arms.hears.discard("right")
    arms.play(group)
    assert group.ending is not None and group.ending.reason in (MotionReason.BLOCKED, MotionReason.REFUSED)
    assert "'right': " in group.ending.message
    assert arms.speed("left") < 1e-3 and abs(arms.world.robots["left"].position[0] + SIDE) > 0.2


def test_another_source_that_takes_one_arm_stops_the_other(arms: TwoArms, plan: Plan) -> None:
    group = begun(arms, plan, 0.3, "agent/test")
    rows = np.tile(arms.targets["right"][-1], (100, 1))
    now = arms.now.ros
    taken = Chunk("operator/person", 1, now, 0.5, arms.limits.names, rows, control_period=0.02, observation_stamp=now)
    arms.arms["right"].gate.submit(taken, "action_chunk", arms.now)
    arms.play(group)
    assert group.ending is not None and group.ending.reason is MotionReason.REFUSED
    assert "'right': 'operator/person' took the robot over" in group.ending.message
    assert arms.speed("left") < 1e-3 and abs(arms.world.robots["left"].position[0] + SIDE) > 0.2


def test_no_arm_moves_where_one_is_latched_or_held_by_another(arms: TwoArms, plan: Plan) -> None:
    group = arms.group(plan)
    arms.arms["right"].gate.stop("test", arms.now)
    arms.tick()
    arms.tell(group)
    before = {name: arms.targets[name][-1].copy() for name in NAMES}
    arms.play(group)
    assert group.ending is not None and group.ending.reason is MotionReason.STOPPED
    assert "no robot of the plan was moved" in group.ending.message
    assert all(np.abs(arms.targets[name][-1] - before[name]).max() < 1e-3 for name in NAMES)


def test_a_gate_that_lets_nothing_through_leaves_both_at_rest(arms: TwoArms, plan: Plan) -> None:
    arms.hears.discard("right")
    group = arms.group(plan)
    before = {name: arms.targets[name][-1].copy() for name in NAMES}
    arms.play(group)
    assert group.ending is not None and group.ending.reason is MotionReason.REFUSED
    assert "no robot of the plan was moved" in group.ending.message
    assert all(np.abs(arms.targets[name][-1] - before[name]).max() < 1e-3 for name in NAMES)

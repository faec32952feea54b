"""Who takes a robot over closes the gap slowly and without a jump, in both directions; afterwards it is played as fast as it asks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safety.gates import DT, NAMES, Bench, limits

from strands_robots.control.gate import GateConfig
from strands_robots.core.errors import ConfigurationError

LIMITS = limits()
FAST = np.full(3, 2.0)
PART = 0.25


def swing(
    center: float, seconds: float, frequency: float = 0.5, amplitude: float = 0.3, phase: float = 0.0
) -> np.ndarray:
    """Rows at 50 Hz: the first joint swings about a center."""
    times = np.arange(round(seconds * 50)) * 0.02
    rows = np.tile([0.0, 0.0, 0.25], (len(times), 1))
    rows[:, 0] = center + amplitude * np.sin(2.0 * np.pi * frequency * times + phase)
    return rows


def measures(path: np.ndarray) -> tuple[float, float, float]:
    """Largest step [rad], velocity [rad/s] and acceleration [rad/s^2] of the set-points."""
    velocity = np.diff(path, axis=0) / DT
    return (
        float(np.abs(np.diff(path, axis=0)).max()),
        float(np.abs(velocity).max()),
        float(np.abs(np.diff(velocity, axis=0)).max() / DT),
    )


@pytest.mark.parametrize(
    ("first", "second", "third"),
    [("policy/x", "teleop/hand", "policy/x"), ("teleop/hand", "operator/me", "teleop/hand")],
)
def test_take_over_and_return_close_the_gap_at_the_handover_speed(first: str, second: str, third: str) -> None:
    bench = Bench().arm()
    assert bench.submit(swing(0.0, 2.0), source=first, control_period=0.02).accepted
    path = [bench.run(0.5)]
    for source, center in ((second, 0.6), (third, -0.2)):
        if source == third:
            bench.run(2.5)
            start = bench.position
            path = [np.tile(start, (3, 1))]
        assert bench.submit(swing(center, 2.0, 0.1, 0.05), source=source, control_period=0.02).accepted
        taken = np.concatenate([path[-1][-3:], bench.run(1.9)])
        own = 2.0 * np.pi * 0.1 * 0.05
        before = np.abs(np.diff(taken[:3, 0])).max() / DT
        step, velocity, acceleration = measures(taken)
        print(
            f"{source}: gap {abs(center - taken[2, 0]):.2f} rad, step {step:.4f} rad, {velocity:.3f} rad/s, {acceleration:.1f} rad/s^2"
        )
        assert velocity <= max(PART * 2.0 + own, before) + 1e-6
        assert acceleration <= 10.0 * (1 + 1e-4) + 1e-6
        assert abs(taken[-1, 0] - center) < 0.06, "the gap is closed"
        path.append(taken)


def test_after_the_gap_is_closed_rows_are_played_exactly_and_as_fast_as_they_ask() -> None:
    bench = Bench().arm()
    bench.submit(swing(0.0, 1.0), source="policy/x", control_period=0.02)
    bench.run(0.3)
    rows = np.concatenate([swing(0.4, 2.0, 0.0), swing(0.4, 2.0, 0.6, 0.3)])
    times = np.arange(len(rows)) * 0.02
    began = bench.ros + DT
    bench.submit(rows, source="teleop/hand", control_period=0.02, observation_stamp=began)
    path = bench.run(3.5)
    played = np.interp(np.arange(len(path)) * DT, times, rows[:, 0])
    assert np.abs(path[250:, 0] - played[250:]).max() < 0.01
    assert np.abs(np.diff(path[210:, 0])).max() / DT > 1.0, "faster than the handover speed"


def test_successive_chunks_of_the_new_source_do_not_begin_the_hand_over_anew_nor_end_it() -> None:
    bench = Bench().arm()
    bench.submit(swing(0.0, 2.0), source="policy/x", control_period=0.02)
    path = [bench.run(0.3)]
    for _ in range(80):
        assert bench.submit(np.tile([0.8, 0.0, 0.25], (8, 1)), source="teleop/hand", control_period=0.02).accepted
        path.append(bench.run(0.02))
    taken = np.concatenate(path)[31:]
    _, velocity, _ = measures(taken)
    assert velocity <= PART * 2.0 + 1e-6
    assert taken[-1, 0] > 0.65
    bench.run(0.6)
    bench.submit(np.tile([-0.5, 0.0, 0.25], (50, 1)), source="teleop/hand", control_period=0.02)
    _, velocity, _ = measures(bench.run(1.0))
    assert velocity > 1.5, "its own jump is limited by the robot's limits only, as ever"


@pytest.mark.guarantee(
    "Supervision",
    "who takes a robot over closes the gap slowly and breaks no limit",
    "control/player.py play; control/limiter.py track",
)
@settings(max_examples=40, deadline=None)
@given(
    st.floats(-0.9, 0.9),
    st.floats(-0.9, 0.9),
    st.floats(0.05, 0.6),
    st.integers(5, 60),
    st.booleans(),
    st.floats(0.0, 6.0),
)
def test_no_take_over_breaks_the_limits_or_jumps(
    center: float, elsewhere: float, frequency: float, ticks: int, is_policy_first: bool, phase: float
) -> None:
    bench = Bench().arm()
    first, second = ("policy/x", "teleop/hand") if is_policy_first else ("agent/x", "policy/x")
    bench.submit(swing(0.0, 3.0, frequency, 0.3), source=first, control_period=0.02)
    before = bench.run(ticks * DT)
    bench.submit(swing(center, 2.0, frequency, 0.1, phase), source=second, control_period=0.02)
    path = np.concatenate([before, bench.run(1.0)])
    step, velocity, acceleration = measures(path)
    assert step <= 2.0 * DT * (1 + 1e-6) and velocity <= 2.0 * (1 + 1e-6)
    assert acceleration <= 10.0 * (1 + 1e-4) + 1e-6
    own = 2.0 * np.pi * frequency * 0.1
    old = np.abs(np.diff(before[:, 0])).max() / DT if len(before) > 1 else 0.0
    assert velocity <= max(old, PART * 2.0 + own) + 0.02


def test_single_command_to_a_robot_that_holds_uses_the_whole_speed() -> None:
    bench = Bench().arm()
    bench.submit([[0.9, 0.0, 0.25]])
    _, velocity, _ = measures(bench.run(0.8))
    assert velocity == pytest.approx(2.0, rel=0.01)


def test_hold_to_a_trajectory_that_begins_elsewhere_is_a_hand_over_too() -> None:
    bench = Bench().arm()
    bench.submit(np.tile([0.5, 0.0, 0.25], (100, 1)), control_period=0.02)
    _, velocity, _ = measures(bench.run(1.5))
    assert velocity == pytest.approx(PART * 2.0, rel=0.01)


@pytest.mark.parametrize("speed", [0.0, 1.5, -1.0])
def test_handover_speed_that_is_no_part_is_refused(speed: float) -> None:
    with pytest.raises(ConfigurationError, match="handover_speed"):
        GateConfig(robot="arm", session="s", handover_speed=speed)
    assert len(NAMES) == 3

"""One test for each refusal of the gate: the reason has its name, the message says what was given and what is valid, nothing moves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from strands_robots.control.gate import Gate, GateConfig
from strands_robots.control.limits import LimitPolicy
from strands_robots.control.refusal import Refusal, Verdict
from strands_robots.core.errors import ConfigurationError, ShapeError
from strands_robots.core.types import ControlMode

from .gates import NAMES, Bench, limits


def assert_refused(bench: Bench, verdict: Verdict, refusal: Refusal, *words: str) -> None:
    assert not verdict.accepted
    assert verdict.refusal is refusal
    assert verdict.message.startswith(refusal.value)
    assert verdict.message.isascii()
    for word in words:
        assert word in verdict.message
    before = bench.position.copy()
    bench.run(0.1)
    assert np.array_equal(bench.position, before), "a refused command moved the robot"
    report = bench.gate.report(bench.now)
    assert report.refusals[refusal.value] == 1
    assert report.last_refusal == verdict.message


@pytest.mark.guarantee(
    "Stop", "a stop latches: nothing is accepted and nothing plays", "control/gate.py Gate.stop, _admit"
)
def test_latched_gate_refuses_and_says_why() -> None:
    bench = Bench()
    assert_refused(bench, bench.submit(), Refusal.LATCHED, "starting", "safety/resume")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_not_finite_value_is_refused_with_its_joint(value: float) -> None:
    bench = Bench().arm()
    assert_refused(bench, bench.submit([[0.0, value, 0.2]]), Refusal.NOT_FINITE, "elbow", "finite")


def test_wrong_length_is_refused_with_both_lengths() -> None:
    bench = Bench().arm()
    assert_refused(bench, bench.submit(np.zeros(2)), Refusal.WRONG_LENGTH, "2 values", "3 joint names")


def test_no_joint_names_is_refused() -> None:
    bench = Bench().arm()
    assert_refused(bench, bench.submit(np.zeros((1, 0)), joint_names=()), Refusal.WRONG_LENGTH)


def test_no_rows_is_refused() -> None:
    bench = Bench().arm()
    assert_refused(bench, bench.submit(np.zeros((0, 3))), Refusal.WRONG_LENGTH)


def test_joint_named_twice_is_refused() -> None:
    bench = Bench().arm()
    assert_refused(bench, bench.submit([[0.0, 0.0]], joint_names=("elbow", "elbow")), Refusal.WRONG_LENGTH, "twice")


def test_unknown_joint_is_refused_and_valid_ones_are_named() -> None:
    bench = Bench().arm()
    verdict = bench.submit([[0.0]], joint_names=("elbow\u00e9",))
    assert_refused(bench, verdict, Refusal.UNKNOWN_JOINT, "elbow\\xe9", *NAMES)


def test_too_many_values_are_refused() -> None:
    bench = Bench().arm()
    assert_refused(bench, bench.submit(np.zeros((40000, 3)), control_period=0.01), Refusal.TOO_LARGE, "65536")


def test_too_many_names_are_refused_before_they_are_looked_at() -> None:
    bench = Bench().arm()
    names = tuple(f"joint{i}" for i in range(100_000))
    assert_refused(bench, bench.submit(np.zeros((1, 1)), joint_names=names), Refusal.TOO_LARGE, "64")


@pytest.mark.parametrize("mode", [ControlMode.EFFORT, 7])
def test_unsupported_mode_is_refused_and_supported_ones_are_named(mode: int) -> None:
    bench = Bench().arm()
    assert_refused(bench, bench.submit(mode=mode), Refusal.UNSUPPORTED_MODE, str(int(mode)), "0 (position)")


@pytest.mark.parametrize(
    "source", ["", "policy", "policy/", "king/me", "Policy/x", "policy/\u00fc", "policy/a b", "policy/" + "x" * 200]
)
def test_malformed_source_is_refused_and_classes_are_named(source: str) -> None:
    bench = Bench().arm()
    assert_refused(bench, bench.submit(source=source), Refusal.MALFORMED_SOURCE, "operator", "agent")


@pytest.mark.parametrize(
    "times",
    [{"stamp": math.nan}, {"lifetime": 0.0}, {"lifetime": -1.0}, {"lifetime": math.inf}, {"control_period": math.nan}],
)
def test_invalid_time_is_refused(times: dict[str, float]) -> None:
    bench = Bench().arm()
    assert_refused(bench, bench.submit(**times), Refusal.INVALID_TIME)


@pytest.mark.parametrize("period", [0.0, -0.1, 1e-9, 1000.0])
def test_chunk_with_impossible_period_is_refused(period: float) -> None:
    bench = Bench().arm()
    assert_refused(bench, bench.submit(np.zeros((5, 3)), control_period=period), Refusal.INVALID_TIME, "5 rows")


def test_expired_command_is_refused_with_its_age() -> None:
    bench = Bench().arm()
    bench.run(1.0)
    assert_refused(bench, bench.submit(stamp=bench.ros - 0.6, lifetime=0.5), Refusal.EXPIRED, "0.600 s ago")


def test_chunk_whose_rows_are_all_past_is_refused() -> None:
    bench = Bench().arm()
    bench.run(1.0)
    verdict = bench.submit(np.zeros((5, 3)), control_period=0.01, observation_stamp=bench.ros - 0.2)
    assert_refused(bench, verdict, Refusal.EXPIRED, "last row")


@pytest.mark.parametrize("field", ["stamp", "observation_stamp"])
def test_future_stamp_is_refused(field: str) -> None:
    bench = Bench().arm()
    times = {field: bench.ros + 0.06}
    assert_refused(bench, bench.submit(np.zeros((5, 3)), control_period=0.01, **times), Refusal.FUTURE, "0.060 s")


def test_stamp_slightly_in_the_future_is_accepted() -> None:
    bench = Bench().arm()
    assert bench.submit(stamp=bench.ros + 0.04).accepted


def test_command_issued_before_arming_is_refused_after_it() -> None:
    bench = Bench()
    held_back = bench.chunk(lifetime=10.0)
    bench.run(0.1)
    bench.arm()
    assert_refused(bench, bench.gate.submit(held_back, "command", bench.now), Refusal.BEFORE_ARMING)


def test_replayed_command_is_refused() -> None:
    bench = Bench().arm()
    chunk = bench.chunk([[0.0, 0.0, 0.25]])
    assert bench.gate.submit(chunk, "command", bench.now).accepted
    assert_refused(
        bench, bench.gate.submit(chunk, "command", bench.now), Refusal.SEQUENCE, "'policy/test'", "last was 1"
    )


def test_sequences_are_kept_for_each_topic() -> None:
    bench = Bench().arm()
    assert bench.submit(sequence=5, topic="command").accepted
    assert bench.submit(sequence=5, topic="action_chunk").accepted
    assert not bench.submit(sequence=4, topic="action_chunk").accepted


def test_flood_of_sources_is_refused_and_forgotten_after_expiry() -> None:
    bench = Bench().arm()
    for i in range(1024):
        bench.submit([[0.0, 0.0, 0.25]], source=f"policy/p{i}", sequence=1)
    assert bench.submit(source="policy/new").refusal is Refusal.TOO_MANY_SOURCES
    bench.run(0.6)
    assert bench.submit(source="policy/new").accepted


def test_second_source_without_the_lease_is_refused_and_told_the_holder() -> None:
    bench = Bench().arm()
    assert bench.submit([[0.0, 0.0, 0.25]]).accepted
    assert_refused(bench, bench.submit(source="policy/other"), Refusal.LEASE, "'policy/test'", "operator > teleop")


def test_value_over_a_limit_is_refused_when_so_configured() -> None:
    bench = Bench(limit_policy=LimitPolicy.REFUSE).arm()
    assert_refused(bench, bench.submit([[1.5, 0.0, 0.2]]), Refusal.LIMIT, "'shoulder'", "1.5000", "-1.0000 to 1.0000")


def test_chunk_over_the_velocity_limit_is_refused_when_so_configured() -> None:
    bench = Bench(limit_policy=LimitPolicy.REFUSE).arm()
    verdict = bench.submit([[0.0, 0.0, 0.25], [0.5, 0.0, 0.25]], control_period=0.1)
    assert_refused(bench, verdict, Refusal.LIMIT, "5.000 rad/s", "2.000")


def test_refusal_of_the_node_is_counted() -> None:
    bench = Bench().arm()
    assert_refused(bench, bench.gate.refuse(Refusal.MODE_OF_WORLD, "fast; valid: lockstep"), Refusal.MODE_OF_WORLD)


def test_gate_with_effort_mode_is_refused_at_start() -> None:
    with pytest.raises(ConfigurationError, match="effort"):
        GateConfig(robot="arm", session="s", modes=frozenset({ControlMode.EFFORT}))


def test_gate_with_bad_timeout_is_refused_at_start() -> None:
    with pytest.raises(ConfigurationError, match="heartbeat_timeout"):
        GateConfig(robot="arm", session="s", heartbeat_timeout=0.0)


def test_gate_with_wrong_position_is_refused_at_start() -> None:
    with pytest.raises(ShapeError, match=r"\(3,\)"):
        Gate(GateConfig(robot="arm", session="s"), limits(), np.zeros(2))


def test_refusals_are_taken_once_by_source_and_reason() -> None:
    bench = Bench()
    bench.submit(source="policy/act")
    bench.submit(source="policy/act")
    bench.gate.refuse(Refusal.MODE_OF_WORLD, "fast", "teleop/pad")
    taken = [(entry.source, entry.reason, entry.count) for entry in bench.gate.take_refusals()]
    assert taken == [("policy/act", "latched", 2), ("teleop/pad", "mode_of_world", 1)]
    assert bench.gate.take_refusals() == []

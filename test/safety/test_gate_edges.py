"""What the gate says of itself, when it asks for a tick, and where its borders are."""

from __future__ import annotations

import numpy as np
import pytest

from strands_robots.control.checks import MAX_DURATION, MAX_VALUES, check_shape, check_times
from strands_robots.control.gate import Gate, GateConfig
from strands_robots.control.refusal import Refusal, Refused
from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import ShapeError
from strands_robots.core.types import Instant, StopCategory

from .gates import DT, NAMES, Bench, limits


@pytest.mark.parametrize("category", StopCategory)
def test_robot_that_lets_go_after_a_stop_has_no_torque_before_its_first_arming(category: StopCategory) -> None:
    bench = Bench(stop_category=category)
    holds = category is StopCategory.CONTROLLED_AND_HOLD
    assert bench.gate.report(bench.now).torque_enabled is holds
    assert bench.tick().torque_enabled is holds


def test_accepted_and_clamped_commands_are_counted() -> None:
    bench = Bench().arm()
    for values in ([[0.0, 0.0, 0.25]], [[9.0, 0.0, 0.25]], [[0.1, 0.0, 0.25]]):
        bench.submit(values)
    report = bench.gate.report(bench.now)
    assert (report.accepted, report.clamped) == (3, 1)


def test_gate_without_supervision_reports_full_speed_in_no_zone() -> None:
    report = Bench().gate.report(Instant(0.0, 0.0))
    assert (report.speed_scale, report.speed_zone, report.alarm) == (1.0, "", "")


def test_tick_is_wanted_after_news_and_not_after_it() -> None:
    bench = Bench().arm()
    assert bench.gate.wants_tick, "after an arming"
    bench.tick()
    assert not bench.gate.wants_tick
    bench.submit()
    assert bench.gate.wants_tick, "after a command"
    bench.tick()
    bench.gate.stop("test", bench.now)
    assert bench.gate.wants_tick, "after a stop"
    bench.tick()
    bench.beat(armed=False)
    assert not bench.gate.wants_tick, "latched already"
    bench.resume()
    bench.beat()
    bench.beat()
    bench.tick()
    bench.beat(armed=False)
    assert bench.gate.wants_tick, "after a heartbeat that latched"


def test_command_issued_between_the_first_and_the_second_confirmation_is_refused() -> None:
    bench = Bench()
    bench.resume()
    bench.beat()
    bench.ros += 0.05
    early = bench.chunk(lifetime=10.0)
    bench.ros += 0.05
    bench.beat()
    assert not bench.gate.is_latched
    assert bench.gate.submit(early, "command", bench.now).refusal is Refusal.BEFORE_ARMING
    assert bench.submit().accepted


def test_lease_lasts_while_the_arm_is_still_on_its_way() -> None:
    bench = Bench(lease_timeout=0.1).arm()
    bench.submit([[1.0, 0.0, 0.25]])
    bench.run(0.3)
    assert bench.gate.report(bench.now).playing and bench.gate.lease_holder == "policy/test"
    assert bench.submit(source="policy/other").refusal is Refusal.LEASE
    bench.run(1.0)
    assert bench.gate.report(bench.now).lease_holder == ""
    assert bench.submit(source="policy/other").accepted


def test_lease_of_a_chunk_lasts_until_its_end_and_the_timeout() -> None:
    bench = Bench(lease_timeout=0.1).arm()
    bench.submit([[0.0, 0.0, 0.25]] * 51, control_period=DT)
    bench.run(0.45)
    assert bench.gate.report(bench.now).lease_holder == "policy/test"
    bench.run(0.25)
    assert bench.gate.report(bench.now).lease_holder == ""


def fastest(bench: Bench, values: object, source: str, **changes: float) -> float:
    """Return how fast the shoulder gets on its way to the rows of a source [rad/s]."""
    assert bench.submit(values, source=source, **changes).accepted
    return float(np.abs(np.diff(bench.run(0.5)[:, 0])).max() / DT)


def test_only_who_takes_over_with_rows_of_its_own_closes_the_gap_slowly() -> None:
    # Handed over is at a quarter of 2 rad/s.
    assert fastest(Bench().arm(), [[1.0, 0.0, 0.25]], "policy/test") > 1.5
    bench = Bench().arm()
    assert fastest(bench, [[0.2, 0.0, 0.25]] * 2, "policy/test", control_period=2.0) < 0.51
    assert bench.position[0] == 0.2 and bench.gate.lease_holder == "policy/test"
    same = "".join(("policy", "/test"))
    assert fastest(bench, [[-1.0, 0.0, 0.25]] * 2, same, control_period=2.0) > 1.5


def test_reason_of_a_stop_is_bounded() -> None:
    bench = Bench().arm()
    bench.gate.stop("x" * 300, bench.now)
    assert len(bench.gate.report(bench.now).latch_reason) == 256


@pytest.mark.parametrize("size", [2, 4])
def test_gate_is_not_made_for_another_number_of_joints(size: int) -> None:
    with pytest.raises(ShapeError, match=r"valid: \(3,\)"):
        Gate(GateConfig("arm", "s1"), limits(), np.zeros(size))


def test_lease_runs_on_steady_time_where_it_is_configured_to() -> None:
    bench = Bench(lease_timeout=0.1, lease_on_steady_clock=True).arm()
    bench.submit([[0.0, 0.0, 0.25]])
    bench.run(0.05)
    bench.ros += 100.0
    assert bench.gate.report(bench.now).lease_holder == "policy/test"
    bench.ros -= 100.0
    bench.run(0.2)
    assert bench.gate.report(bench.now).lease_holder == ""


def test_silence_of_the_supervisor_drops_what_played_before_anybody_ticks() -> None:
    bench = Bench(heartbeat_timeout=0.2).arm()
    bench.submit([[0.0, 0.0, 0.25]] * 50, control_period=DT)
    bench.tick()
    later = Instant(bench.ros + 0.3, bench.steady + 0.3)
    assert bench.gate.is_latched_at(later)
    assert bench.gate.lease_holder == ""


def test_second_tick_at_the_same_time_drops_nothing() -> None:
    bench = Bench().arm()
    bench.submit([[0.0, 0.0, 0.25]] * 50, control_period=DT)
    bench.tick()
    bench.gate.tick(bench.now, 1e-6, bench.position, bench.velocity)
    assert bench.gate.report(bench.now).playing
    assert bench.gate.lease_holder == "policy/test"


def test_dropped_chunk_leaves_no_source_in_the_set_point() -> None:
    bench = Bench().arm()
    bench.submit([[0.5, 0.0, 0.25]])
    setpoint = bench.tick()
    assert (setpoint.source, setpoint.sequence) == ("policy/test", 1)
    bench.gate.stop("test", bench.now)
    assert (bench.tick().source, setpoint.sequence) == ("", 0)


def test_set_point_that_holds_has_no_source_and_no_sequence() -> None:
    bench = Bench().arm()
    bench.submit([[0.0, 0.0, 0.25]])
    bench.run(0.2)
    setpoint = bench.tick()
    assert (setpoint.source, setpoint.sequence) == ("", 0)
    bench.submit([[0.5, 0.0, 0.25]])
    bench.tick()
    bench.gate.on_clock_jump(bench.now)
    assert (setpoint.source, setpoint.sequence) == ("", 0)


def test_what_is_said_of_a_refusal_is_bounded() -> None:
    bench = Bench().arm()
    bench.gate.refuse(Refusal.LIMIT, "x" * 2000)
    assert len(bench.gate.report(bench.now).last_refusal) == 1024


def test_ledger_keeps_so_much_of_a_source_and_no_more() -> None:
    bench = Bench().arm()
    bench.submit(source="policy/" + "x" * 200, values=[[0.0]])
    entry = bench.gate.take_refusals()[0]
    assert entry.source == "policy/" + "x" * 121 and entry.count == 1


def chunk(rows: int = 1, period: float = 0.0, **changes: object) -> Chunk:
    fields = {
        "source": "policy/test", "sequence": 1, "stamp": 10.0, "lifetime": 1.0, "joint_names": NAMES,
        "values": np.zeros((rows, 3)), "control_period": period, **changes,
    }  # fmt: skip
    return Chunk(**fields)  # type: ignore[arg-type]


def test_largest_chunk_passes_and_a_larger_one_does_not() -> None:
    rows = MAX_VALUES // 3
    assert check_shape(chunk(rows), limits()) == [0, 1, 2]
    with pytest.raises(Refused, match="65536"):
        check_shape(chunk(rows + 1), limits())
    assert check_shape(chunk(joint_names=NAMES[:2], values=np.zeros((MAX_VALUES // 2, 2))), limits()) == [0, 1]


def test_as_many_names_as_a_message_may_have_are_looked_at_and_no_more() -> None:
    for count, refusal in ((64, "unknown_joint"), (65, "too_large")):
        names = tuple(f"joint{i}" for i in range(count))
        with pytest.raises(Refused, match=refusal):
            check_shape(chunk(joint_names=names, values=np.zeros((1, count))), limits())


def test_message_names_four_unknown_joints_and_64_characters_of_each() -> None:
    names = ("a" * 70, "b", "c", "d", "e")
    with pytest.raises(Refused) as refused:
        check_shape(chunk(joint_names=names, values=np.zeros((1, 5))), limits())
    assert f"unknown_joint: '{'a' * 64}', 'b', 'c', 'd' given" in str(refused.value)


@pytest.mark.parametrize("shape", [(3,), (1, 2), (1, 4), (1, 3, 1), (0, 3)])
def test_rows_that_do_not_have_one_value_for_each_name_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(Refused, match="3 joint names"):
        check_shape(chunk(values=np.zeros(shape)), limits())


def test_message_names_row_and_joint_of_the_first_value_that_is_not_finite() -> None:
    values = np.zeros((3, 3))
    values[1, 2] = values[2, 0] = np.nan
    with pytest.raises(Refused, match="row 1 of 'gripper' is nan"):
        check_shape(chunk(values=values), limits())


def test_longest_chunk_passes_and_a_longer_one_does_not() -> None:
    now = Instant(10.0, 0.0)
    assert check_times(chunk(2, MAX_DURATION / 2.0), now, 0.05, 0.0) == 10.0
    assert check_times(chunk(2, 1e-4), now, 0.05, 0.0) == 10.0
    for period in (MAX_DURATION / 2.0 + 0.1, 0.9e-4):
        with pytest.raises(Refused, match=r"2 rows.*600.0 s in all"):
            check_times(chunk(2, period), now, 0.05, 0.0)


def test_command_is_valid_to_the_end_of_its_lifetime() -> None:
    assert check_times(chunk(), Instant(11.0, 0.0), 0.05, 0.0) == 11.0
    with pytest.raises(Refused, match=r"1\.001 s ago with a lifetime of 1\.000"):
        check_times(chunk(), Instant(11.001, 0.0), 0.05, 0.0)


def test_future_and_arming_have_the_borders_that_they_say() -> None:
    now = Instant(9.95, 0.0)
    assert check_times(chunk(), now, 0.051, 10.0) == 9.95
    with pytest.raises(Refused, match="before the robot was armed"):
        check_times(chunk(), now, 0.051, 10.001)
    with pytest.raises(Refused, match=r"0\.050 s in the future; valid: at most 0\.049"):
        check_times(chunk(), now, 0.049, 0.0)


def test_rows_count_from_the_observation_and_a_single_row_from_now() -> None:
    now = Instant(10.5, 0.0)
    assert check_times(chunk(2, 0.5, observation_stamp=10.2), now, 0.05, 0.0) == 10.2
    assert check_times(chunk(1, 0.5, observation_stamp=10.2), now, 0.05, 0.0) == 10.5
    assert check_times(chunk(2, 0.5), now, 0.05, 0.0) == 10.5


def test_chunk_whose_last_row_is_past_is_refused_with_its_age() -> None:
    now = Instant(10.5, 0.0)
    assert check_times(chunk(2, 0.16, observation_stamp=10.2), now, 0.05, 0.0) == 10.2
    with pytest.raises(Refused, match=r"due 0\.020 s ago"):
        check_times(chunk(2, 0.14, observation_stamp=10.2), now, 0.05, 0.0)
    assert check_times(chunk(1, 0.14, observation_stamp=10.2), now, 0.05, 0.0) == 10.5


def test_words_of_a_stop_go_to_that_stop_only() -> None:
    bench = Bench().arm()
    gate = bench.gate
    gate.stop("requested", bench.now)
    gate.explain_stop("requested", "by operator/anna: " + "x" * 400)
    reason = gate.report(bench.now).latch_reason
    assert reason.startswith("stop: requested by operator/anna: xxx") and len(reason) == 256
    gate.explain_stop("requested", "by somebody else")
    assert gate.report(bench.now).latch_reason == reason

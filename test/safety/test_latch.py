"""The arming latch: what closes it, and the only way to open it."""

from __future__ import annotations

import numpy as np
import pytest

from .gates import Bench


def test_gate_starts_latched_and_one_heartbeat_is_not_enough() -> None:
    bench = Bench()
    bench.beat(epoch=1)
    assert bench.gate.is_latched
    bench.beat(epoch=1)
    assert not bench.gate.is_latched


def test_missing_heartbeat_latches_within_the_timeout_and_one_tick() -> None:
    bench = Bench().arm()
    bench.submit([[1.0, 0.0, 0.25]])
    bench.run(0.1)
    bench.beats = False
    ticks = 0
    while not bench.gate.is_latched:
        bench.tick()
        ticks += 1
    assert ticks <= 26
    assert bench.gate.report(bench.now).latch_reason == "heartbeat_lost"


def test_revived_supervisor_cannot_open_with_its_old_epoch() -> None:
    bench = Bench().arm()
    bench.beats = False
    bench.run(0.4)
    for _ in range(10):
        bench.beat()
    assert bench.gate.is_latched
    bench.arm()


def test_latched_gate_says_nothing_of_heartbeats_until_the_next_tick() -> None:
    bench = Bench().arm()
    bench.steady += 1.0
    assert bench.gate.report(bench.now).latched


def test_direct_stop_is_not_opened_by_heartbeats_sent_before_the_supervisor_knew() -> None:
    bench = Bench().arm()
    bench.gate.stop("button", bench.now)
    for _ in range(5):
        bench.beat(epoch=2)
    assert bench.gate.is_latched
    bench.beat(armed=False, epoch=2)
    bench.beat(epoch=2)
    bench.beat(epoch=2)
    assert bench.gate.is_latched, "the epoch that was stopped may not open it"
    bench.epoch = 2
    bench.arm()


def test_resume_given_before_a_direct_stop_is_void() -> None:
    bench = Bench().arm()
    bench.beat(armed=False)
    bench.resume()
    bench.gate.stop("button", bench.now)
    bench.beat(armed=False)
    for _ in range(5):
        bench.beat()
    assert bench.gate.is_latched, "the resume did not know of the button"
    bench.arm()


def test_resume_given_before_a_later_stop_of_the_supervisor_is_void() -> None:
    bench = Bench().arm()
    bench.beat(armed=False)
    bench.resume()
    bench.beat(armed=False, stop_id=2)
    for _ in range(5):
        bench.beat()
    assert bench.gate.is_latched
    bench.arm()


def test_resume_of_a_dead_supervisor_is_void_once_its_successor_was_heard_stopped() -> None:
    bench = Bench().arm()
    bench.beat(armed=False)
    bench.resume()
    bench.beat(armed=False, session="successor", sequence=1, stop_id=1, epoch=0)
    for _ in range(5):
        bench.beat()
    assert bench.gate.is_latched


def test_stop_that_was_missed_latches_when_the_next_epoch_shows_it() -> None:
    bench = Bench().arm()
    bench.beat(epoch=2)
    assert bench.gate.report(bench.now).latch_reason == "missed_stop"


def test_count_rises_at_every_closing_and_every_new_stop() -> None:
    bench = Bench()
    counts = [bench.gate.report(bench.now).latch_count]

    def note() -> None:
        counts.append(bench.gate.report(bench.now).latch_count)

    bench.beat(armed=False)
    note()
    bench.beat(armed=False)
    note()
    bench.arm()
    bench.beat(armed=False, stop_id=2)
    note()
    bench.gate.stop("button", bench.now)
    note()
    bench.arm()
    bench.steady += 1.0
    note()
    assert counts == [0, 1, 1, 2, 3, 4]


def test_report_names_the_stop_that_was_heard() -> None:
    bench = Bench()
    bench.beat(armed=False, stop_id=4)
    bench.beat(armed=False, stop_id=3, sequence=0)
    report = bench.gate.report(bench.now)
    assert (report.stop_session, report.stop_id) == ("sup", 4)


def test_repeated_heartbeat_does_not_count_twice() -> None:
    bench = Bench()
    bench.beat(epoch=1, sequence=7)
    bench.beat(epoch=1, sequence=7)
    bench.beat(epoch=1, sequence=6)
    assert bench.gate.is_latched


def test_replayed_heartbeats_do_not_keep_a_gate_open() -> None:
    bench = Bench().arm()
    bench.beats = False
    for _ in range(30):
        bench.tick()
        bench.beat(sequence=1)
    assert bench.gate.is_latched


def test_heartbeats_of_two_sessions_do_not_add_up() -> None:
    bench = Bench()
    for _ in range(4):
        bench.beat(epoch=1, session="a")
        bench.beat(epoch=1, session="b")
    assert bench.gate.is_latched


def test_second_supervisor_closes_an_open_gate() -> None:
    bench = Bench().arm()
    bench.beat(session="intruder", epoch=9)
    assert bench.gate.report(bench.now).latch_reason == "second_supervisor"


def test_heartbeat_that_does_not_name_this_session_never_arms() -> None:
    bench = Bench()
    for admitted in ({}, {"arm": "older"}, {"other": "s1"}):
        bench.beat(epoch=1, admitted=admitted)
        bench.beat(epoch=1, admitted=admitted)
        assert bench.gate.is_latched


def test_heartbeat_that_no_longer_names_this_session_closes() -> None:
    bench = Bench().arm()
    bench.beat(admitted={})
    assert bench.gate.report(bench.now).latch_reason == "not_admitted"


def test_stopped_heartbeat_closes_even_when_replayed() -> None:
    bench = Bench().arm()
    bench.beat(armed=False, sequence=0, reason="old")
    assert bench.gate.report(bench.now).latch_reason == "stop: old"


def test_stop_while_opening_starts_over() -> None:
    bench = Bench()
    bench.beat(epoch=1)
    bench.gate.stop("button", bench.now)
    bench.beat(epoch=1)
    assert bench.gate.is_latched


@pytest.mark.guarantee("Stop", "a stop is idempotent and keeps its first reason", "control/latch.py close")
def test_stop_is_idempotent_and_keeps_the_first_reason() -> None:
    bench = Bench().arm()
    bench.gate.stop("first", bench.now)
    bench.gate.stop("second", bench.now)
    assert bench.gate.report(bench.now).latch_reason == "stop: first"


@pytest.mark.guarantee(
    "Stop", "a stop latches: nothing is accepted and nothing plays", "control/gate.py Gate.stop, _admit"
)
def test_nothing_moves_after_a_stop_until_a_new_command() -> None:
    bench = Bench().arm()
    bench.submit([[1.0, 0.0, 0.25]])
    bench.run(0.2)
    bench.gate.stop("button", bench.now)
    bench.run(0.5)
    held = bench.position.copy()
    bench.beat(armed=False)
    bench.arm()
    bench.run(0.5)
    assert np.array_equal(bench.position, held)


@pytest.mark.guarantee("Supervision", "a gate that has retired never opens again", "control/latch.py retire")
def test_retired_gate_is_at_rest_for_good_and_opened_by_nobody() -> None:
    bench = Bench().arm()
    bench.submit([[1.0, 0.0, 0.25]])
    bench.run(0.1)
    bench.gate.retire()
    report = bench.gate.report(bench.now)
    assert (report.latched, report.latch_reason, report.retired, report.at_rest) == (True, "retired", True, True)
    assert not report.playing and not report.lease_holder
    bench.admitted_count = report.latch_count
    bench.epoch = 9
    bench.beat(armed=False, epoch=8)
    for _ in range(5):
        bench.beat()
    assert bench.gate.is_latched
    assert not bench.submit([[1.0, 0.0, 0.25]]).accepted


def anew(text: str) -> str:
    """Return an equal string that is another object, as every message brings them."""
    return "".join(list(text))


def test_after_a_stop_two_confirmations_open_and_one_does_not() -> None:
    bench = Bench().arm()
    bench.gate.stop("button", bench.now)
    bench.resume()
    bench.beat()
    assert bench.gate.is_latched
    bench.beat()
    assert not bench.gate.is_latched


def test_another_supervisor_begins_its_confirmations_anew_and_needs_two() -> None:
    bench = Bench()
    bench.resume()
    bench.beat(session="first", sequence=10)
    bench.beat(session="second", sequence=10)
    assert bench.gate.is_latched
    bench.beat(session="second", sequence=11)
    assert not bench.gate.is_latched


def test_lower_epoch_than_one_that_was_seen_opens_nothing() -> None:
    bench = Bench().arm()
    bench.resume()
    bench.beat(armed=False)
    bench.admitted_count = bench.gate.report(bench.now).latch_count
    for _ in range(4):
        bench.beat(epoch=1)
    assert bench.gate.is_latched


def test_names_are_compared_by_their_letters() -> None:
    bench = Bench()
    bench.resume()
    for _ in range(3):
        bench.beat(session=anew("sup"), admitted={anew("arm"): anew("s1")})
    assert not bench.gate.is_latched
    assert bench.submit(source=anew("policy/test")).accepted
    assert bench.submit(source=anew("policy/test")).accepted


def test_counts_are_compared_by_their_value() -> None:
    bench = Bench().arm()
    for _ in range(300):
        bench.gate.stop("button", bench.now)
    bench.resume()
    for _ in range(2):
        bench.beat(latch_count=int(str(bench.admitted_count)))
    assert not bench.gate.is_latched


def test_resume_that_names_a_count_yet_to_come_opens_nothing() -> None:
    bench = Bench()
    bench.resume()
    for _ in range(4):
        bench.beat(latch_count=bench.admitted_count + 1)
    assert bench.gate.is_latched


def test_epoch_that_was_open_already_opens_nothing_even_with_the_right_count() -> None:
    bench = Bench().arm()
    bench.gate.stop("button", bench.now)
    bench.admitted_count = bench.gate.report(bench.now).latch_count
    for _ in range(4):
        bench.beat()
    assert bench.gate.is_latched


def test_lower_epoch_at_an_open_gate_closes_it() -> None:
    bench = Bench()
    bench.resume()
    bench.arm()
    bench.beat(epoch=1)
    assert bench.gate.report(bench.now).latch_reason == "missed_stop"


def test_heartbeat_that_does_not_name_it_is_no_confirmation() -> None:
    bench = Bench()
    bench.resume()
    bench.beat(admitted={"arm": "another"})
    bench.beat()
    assert bench.gate.is_latched
    bench.beat()
    assert not bench.gate.is_latched


def test_replayed_stop_makes_no_replayed_heartbeat_count_again() -> None:
    bench = Bench().arm()
    bench.beat(armed=False, sequence=5, session=anew("sup"))
    bench.resume()
    bench.beat(sequence=20)
    bench.beat(armed=False, sequence=5, session=anew("sup"), epoch=1)
    bench.beat(sequence=20)
    bench.beat(sequence=21)
    assert bench.gate.is_latched, "20 was heard before the stop"
    bench.beat(sequence=22)
    assert not bench.gate.is_latched


@pytest.mark.parametrize("session", ["abc", "xyz"])
def test_heartbeats_before_the_stop_of_another_supervisor_count_for_nothing(session: str) -> None:
    bench = Bench().arm()
    bench.beat(armed=False, sequence=50, session=session)
    bench.resume()
    for sequence in (40, 41, 42):
        bench.beat(sequence=sequence, session=session)
    assert bench.gate.is_latched
    for sequence in (51, 52):
        bench.beat(sequence=sequence, session=session)
    assert not bench.gate.is_latched


def test_first_reason_is_kept_whatever_its_letter() -> None:
    bench = Bench().arm()
    bench.steady += 1.0
    assert bench.gate.report(bench.now).latch_reason == "heartbeat_lost"
    bench.gate.stop("button", bench.now)
    assert bench.gate.report(bench.now).latch_reason == "heartbeat_lost"


def test_retiring_is_a_new_stop_of_a_latched_gate() -> None:
    bench = Bench()
    before = bench.gate.report(bench.now).latch_count
    bench.gate.retire()
    assert bench.gate.report(bench.now).latch_count == before + 1


def test_first_stop_of_a_supervisor_that_counts_from_one_is_new() -> None:
    bench = Bench().arm()
    before = bench.gate.report(bench.now).latch_count
    bench.beat(armed=False, stop_id=1)
    report = bench.gate.report(bench.now)
    assert (report.latch_count, report.stop_id) == (before + 1, 1)
    assert Bench().gate.report(bench.now).stop_id == 0


@pytest.mark.parametrize("session", ["abc", "xyz"])
def test_lower_number_of_another_supervisor_is_a_new_stop(session: str) -> None:
    bench = Bench().arm()
    bench.beat(armed=False, stop_id=5, session="mmm")
    before = bench.gate.report(bench.now).latch_count
    bench.beat(armed=False, stop_id=1, session=session)
    assert bench.gate.report(bench.now).latch_count == before + 1

"""The arming latch: what closes it, and the only way to open it."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from strands_robots.safety.heartbeat import Heartbeat
from strands_robots.safety.latch import ArmingLatch

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
    bench.beat(epoch=3)
    bench.beat(epoch=3)
    assert not bench.gate.is_latched


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


def test_stop_is_idempotent_and_keeps_the_first_reason() -> None:
    bench = Bench().arm()
    bench.gate.stop("first", bench.now)
    bench.gate.stop("second", bench.now)
    assert bench.gate.report(bench.now).latch_reason == "stop: first"


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


class LatchOrders(RuleBasedStateMachine):
    """Every order of beats, stops and silence: the latch is open only if it was armed for it after the last closing."""

    def __init__(self) -> None:
        super().__init__()
        self.latch = ArmingLatch("arm", "s1", 0.25)
        self.now = 0.0
        self.sequence = 0
        self.epoch = 1
        self.stopped = False
        self.may_open = True
        self.last_fresh = 0.0
        self.sent: list[Heartbeat] = []

    @rule()
    def beat(self) -> None:
        self.sequence += 1
        beat = Heartbeat("sup", self.sequence, not self.stopped, self.epoch, {"arm": "s1"})
        self.sent.append(beat)
        self.latch.on_heartbeat(beat, self.now)
        self.last_fresh = self.now
        if self.stopped:
            self.may_open = False

    @rule(index=st.integers(0, 1000))
    @precondition(lambda self: self.sent)
    def replay(self, index: int) -> None:
        beat = self.sent[index % len(self.sent)]
        self.latch.on_heartbeat(beat, self.now)
        if not beat.armed and self.latch.epoch >= self.epoch:
            self.may_open = False

    @rule()
    def stop_direct(self) -> None:
        self.latch.close("stop: button", needs_stopped_supervisor=True)
        self.may_open = False

    @rule()
    def stop_supervisor(self) -> None:
        self.stopped = True

    @rule()
    def resume(self) -> None:
        self.stopped = False
        self.epoch += 1
        self.may_open = True

    @rule(dt=st.sampled_from([0.01, 0.05, 0.2, 0.3]))
    def wait(self, dt: float) -> None:
        self.now += dt
        self.latch.check(self.now)
        if self.now - self.last_fresh > 0.25 and self.latch.epoch >= self.epoch:
            self.may_open = False

    @invariant()
    def open_only_after_arming(self) -> None:
        if not self.latch.is_closed:
            assert self.may_open
            assert not self.latch.reason
            assert self.now - self.last_fresh <= 0.25 + 1e-9


TestLatchOrders = LatchOrders.TestCase
TestLatchOrders.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)

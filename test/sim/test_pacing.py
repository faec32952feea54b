"""The schedule of a loop, on a clock that the test moves."""

from __future__ import annotations

import pytest

from strands_robots.sim.run.pacing import MAX_SLEEP, LatenessMeter, Pacer, RateMeter


class FakeTime:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_late_work_does_not_move_the_next_deadline() -> None:
    fake = FakeTime()
    pacer = Pacer(0.002, fake.clock, fake.sleep)
    wakes = []
    for _ in range(5):
        assert pacer.wait()
        wakes.append(fake.now)
        fake.now += 0.0007
    assert wakes == pytest.approx([100.002, 100.004, 100.006, 100.008, 100.010])


def test_short_delay_is_caught_up() -> None:
    fake = FakeTime()
    pacer = Pacer(0.002, fake.clock, fake.sleep)
    fake.now += 0.05
    rounds = 0
    while not fake.slept:
        assert pacer.wait()
        rounds += 1
    assert rounds == pytest.approx(26, abs=1)
    assert pacer.shifts == 0


def test_long_stall_shifts_the_schedule_once_and_counts() -> None:
    fake = FakeTime()
    pacer = Pacer(0.002, fake.clock, fake.sleep)
    fake.now += 5.0
    assert pacer.wait() and not fake.slept
    assert pacer.wait() and fake.slept == pytest.approx([0.002])
    assert pacer.shifts == 1
    assert pacer.lateness.summary().max == pytest.approx(4.998)


def test_slow_world_returns_in_between_to_serve() -> None:
    fake = FakeTime()
    pacer = Pacer(0.2, fake.clock, fake.sleep)
    rounds = 1
    while not pacer.wait():
        rounds += 1
    assert rounds == pytest.approx(10, abs=1)
    assert max(fake.slept) <= MAX_SLEEP


def test_lateness_summary_of_ring() -> None:
    meter = LatenessMeter(size=100)
    assert meter.summary() == (0.0, 0.0, 0.0)
    for k in range(250):
        meter.add(float(k))
    assert meter.summary().max == 249.0
    assert meter.summary().p50 == pytest.approx(199.5)


def test_rate_meter_gives_progress_for_each_second() -> None:
    meter = RateMeter()
    for k in range(31):
        meter.update(0.5 * k * 0.1, 10.0 + k * 0.1)
    assert meter.rate == pytest.approx(0.5)
    meter.restart()
    assert meter.rate == 0.0


def test_several_deadlines_are_slept_through_at_once() -> None:
    fake = FakeTime()
    pacer = Pacer(0.002, fake.clock, fake.sleep)
    assert pacer.wait(5) == 5 and fake.slept == pytest.approx([0.010])
    assert pacer.wait() == 1 and fake.now == pytest.approx(100.012)


def test_sleep_that_ends_early_counts_the_deadlines_that_passed() -> None:
    fake = FakeTime()
    pacer = Pacer(0.002, fake.clock, lambda seconds: fake.sleep(0.0045))
    assert pacer.wait(5) == 2
    assert pacer.deadline == pytest.approx(100.006)
    assert pacer.lateness.summary().max == 0.0


def test_stall_while_several_deadlines_are_slept_through_shifts_the_schedule() -> None:
    fake = FakeTime()
    pacer = Pacer(0.002, fake.clock, fake.sleep)
    fake.now += 5.0
    assert pacer.wait(5) == 5 and pacer.shifts == 1
    assert pacer.deadline == pytest.approx(105.002)

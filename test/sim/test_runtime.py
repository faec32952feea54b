"""The control loop and the physics thread on a world without physics."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from strands_robots.control.loop import count_substeps
from strands_robots.control.refusal import Refusal
from strands_robots.core.errors import ConfigurationError, WorldError
from strands_robots.sim.run.runtime import WorldMode

from .fake_world import PERIOD, TIMESTEP, Bench


def wait_for(condition: Callable[[], bool], timeout: float = 5.0) -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "condition did not come true"
        time.sleep(0.002)


@pytest.fixture
def started() -> Iterator[Callable[[Bench], Bench]]:
    benches: list[Bench] = []

    def start(bench: Bench) -> Bench:
        benches.append(bench)
        bench.runtime.start()
        return bench

    yield start
    for bench in benches:
        bench.runtime.stop()
        assert bench.runtime.failure is None


def advance(bench: Bench, steps: int) -> None:
    for _ in range(steps):
        bench.control.advance()


def test_control_tick_comes_every_period_and_publishes_state_and_command() -> None:
    bench = Bench()
    advance(bench, 50)
    port = bench.ports[0]
    assert [stamp for stamp, _ in port.states] == pytest.approx(np.arange(10) * PERIOD)
    assert [stamp for stamp, _, _ in port.applied] == pytest.approx(np.arange(10) * PERIOD)
    assert bench.world.steps == 50


def test_command_is_applied_at_the_next_timestep() -> None:
    bench = Bench()
    bench.arm()
    advance(bench, 6)
    assert bench.gates[0].submit(bench.chunk([0.5, 0.0]), "command", bench.control.now()).accepted
    at = bench.world.time
    advance(bench, 1)
    stamp, target, source = bench.ports[0].applied[-1]
    assert stamp == at and source == "operator/test" and target[0] > 0.0
    assert len(bench.ports[0].states) == 2, "an extra tick publishes no joint state"


def test_flood_of_commands_moves_no_faster_than_the_limits() -> None:
    bench = Bench()
    bench.arm()
    for _ in range(100):
        bench.beat()
        bench.gates[0].submit(bench.chunk([2.0, 0.0]), "command", bench.control.now())
        advance(bench, 1)
    stamps = np.array([stamp for stamp, _, _ in bench.ports[0].applied])
    pan = np.array([target[0] for _, target, _ in bench.ports[0].applied])
    assert len(stamps) == 100
    velocity = np.diff(pan) / np.diff(stamps)
    assert velocity.max() <= 2.0 + 1e-6
    assert (np.diff(velocity) / np.diff(stamps)[1:]).max() <= 20.0 + 1e-6


def test_stop_is_applied_and_reported_at_the_next_timestep() -> None:
    bench = Bench()
    bench.arm()
    bench.gates[0].submit(bench.chunk([2.0, 0.0]), "command", bench.control.now())
    advance(bench, 11)
    bench.gates[0].stop("test", bench.control.now())
    advance(bench, 1)
    assert bench.ports[0].reports[-1].latched
    assert bench.ports[0].reports[-1].latch_reason == "stop: test"


def test_torque_reaches_the_robot_only_on_change() -> None:
    bench = Bench()
    calls: list[bool] = []
    bench.world.robots[0].set_torque = calls.append  # type: ignore[method-assign]
    advance(bench, 30)
    assert calls == [True]


def test_period_that_is_no_multiple_of_the_timestep_is_refused() -> None:
    assert count_substeps(0.002, 0.01) == 5
    with pytest.raises(ConfigurationError, match="whole multiple"):
        count_substeps(0.003, 0.01)


@pytest.mark.parametrize("timestep", [5e-324, 1e-300, 1e-9, -1.0, math.nan, math.inf])
def test_timestep_that_nobody_can_step_is_refused(timestep: float) -> None:
    with pytest.raises(ConfigurationError, match="at most 10000 times as long"):
        count_substeps(timestep, 0.01)


def test_realtime_runs_at_the_wall_clock(started: Callable[[Bench], Bench]) -> None:
    bench = started(Bench())
    wait_for(lambda: bench.world.time > 0.05)
    simulated, wall = bench.world.time, time.monotonic()
    wait_for(lambda: bench.world.time > simulated + 0.3)
    assert time.monotonic() - wall == pytest.approx(bench.world.time - simulated, abs=0.1)


def test_pause_stands_still_and_is_rest_and_playing_goes_on_after_it(started: Callable[[Bench], Bench]) -> None:
    bench = started(Bench())
    bench.arm()
    bench.runtime.call(lambda: bench.runtime.admit(bench.gates[0], bench.chunk([1.5, 0.0]), "command")).result(2.0)
    wait_for(lambda: bench.world.robots[0].joints[0] > 0.1)
    bench.runtime.call(lambda: bench.runtime.pause(True)).result(2.0)
    frozen, beats = bench.world.time, len(bench.ports[0].reports)
    until = time.monotonic() + 0.4
    while time.monotonic() < until:
        bench.beat()
        time.sleep(0.02)
    assert bench.world.time == frozen
    assert len(bench.ports[0].reports) >= beats + 6, "the gate is reported while the world stands still"
    assert bench.ports[0].reports[-1].at_rest and not bench.ports[0].reports[-1].latched
    bench.runtime.call(lambda: bench.runtime.pause(False)).result(2.0)
    wait_for(lambda: (bench.beat(), bench.world.robots[0].joints[0] > 1.49)[1])
    assert not bench.gates[0].is_latched


def test_heartbeat_loss_latches_while_paused(started: Callable[[Bench], Bench]) -> None:
    bench = started(Bench())
    bench.arm()
    bench.runtime.call(lambda: bench.runtime.pause(True)).result(2.0)
    wait_for(lambda: bench.ports[0].reports[-1].latch_reason == "heartbeat_lost")


def test_reset_is_refused_while_a_lease_is_held() -> None:
    bench = Bench()
    bench.arm()
    bench.gates[0].submit(bench.chunk([0.5, 0.0]), "command", bench.control.now())
    advance(bench, 3)
    with pytest.raises(WorldError, match="'operator/test' holds 'arm'"):
        bench.runtime.reset(3)


def test_reset_starts_the_world_again_and_holds() -> None:
    bench = Bench()
    advance(bench, 13)
    bench.world.robots[0].joints[0] = 0.7
    assert bench.runtime.reset(3) == 0.0
    assert bench.world.seed == 3 and bench.clocks[-1] == 0.0
    bench.ports[0].applied.clear()
    advance(bench, 1)
    stamp, target, _ = bench.ports[0].applied[0]
    assert stamp == 0.0 and target == pytest.approx([0.0, 0.0])


@pytest.mark.parametrize("source", ["policy/p", "teleop/t", "external/joint_commands"])
def test_fast_world_refuses_live_sources(source: str) -> None:
    bench = Bench(WorldMode.FAST)
    bench.arm()
    verdict = bench.runtime.admit(bench.gates[0], bench.chunk([0.1, 0.0], source=source), "command")
    assert verdict.refusal is Refusal.MODE_OF_WORLD and "lockstep" in verdict.message
    assert bench.gates[0].report(bench.control.now()).refusals == {"mode_of_world": 1}


def test_fast_world_takes_scripted_sources_and_outruns_the_clock(started: Callable[[Bench], Bench]) -> None:
    bench = started(Bench(WorldMode.FAST))
    bench.arm()
    assert bench.runtime.admit(bench.gates[0], bench.chunk([0.1, 0.0]), "command").accepted
    wall = time.monotonic()
    wait_for(lambda: (bench.beat(), bench.world.time > 3.0)[1])
    assert bench.world.time > 2.0 * (time.monotonic() - wall)
    assert len(bench.clocks) <= 110 * (time.monotonic() - wall) + 2


def test_failure_of_the_world_ends_the_thread_and_is_kept() -> None:
    bench = Bench()
    hook = threading.excepthook
    threading.excepthook = lambda args: None

    def explode() -> None:
        raise FloatingPointError("unstable")

    bench.world.on_step = explode
    try:
        bench.runtime.start()
        wait_for(lambda: bench.runtime.failure is not None)
    finally:
        threading.excepthook = hook
    assert "unstable" in str(bench.runtime.failure)
    with pytest.raises(WorldError, match="has ended"):
        bench.runtime.call(lambda: None).result(1.0)


def test_gate_is_not_reported_while_physics_hangs(started: Callable[[Bench], Bench]) -> None:
    bench = Bench()
    release = threading.Event()
    bench.world.on_step = lambda: (bench.world.steps == 20 and release.wait(5.0), None)[1]
    started(bench)
    wait_for(lambda: bench.world.steps == 20)
    time.sleep(0.01)
    ticks, reports = bench.runtime.ticks, len(bench.ports[0].reports)
    time.sleep(0.12)
    assert (bench.runtime.ticks, len(bench.ports[0].reports)) == (ticks, reports)
    release.set()
    wait_for(lambda: bench.runtime.ticks > ticks)


def test_clock_never_passes_100_hz(started: Callable[[Bench], Bench]) -> None:
    bench = started(Bench(real_time_factor=3.0))
    start = time.monotonic()
    wait_for(lambda: bench.world.time > 1.5)
    assert len(bench.clocks) <= 105 * (time.monotonic() - start) + 2
    assert TIMESTEP > 0.0


def test_robot_that_moves_without_a_lease_is_not_taken_away() -> None:
    bench = Bench()
    for robot in bench.world.robots:
        robot.velocity[:] = 0.5
    bench.control.advance()
    with pytest.raises(WorldError, match=r"'arm' still moves; valid: world/edit when"):
        bench.runtime.require_rest(["arm"], "world/edit")
    bench.runtime.require_rest(["other"], "world/edit")

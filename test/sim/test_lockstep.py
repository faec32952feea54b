"""Who may step, what is refused, and that nothing advances while a robot is stopped."""

from __future__ import annotations

import numpy as np
import pytest

from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import WorldError
from strands_robots.sim.run.lockstep import StepRequest, StepResult
from strands_robots.sim.run.runtime import WorldMode

from .fake_world import Bench


def make(*names: str, **options: float) -> Bench:
    bench = Bench(WorldMode.LOCKSTEP, *names, **options)
    bench.control.freeze(True)
    bench.arm()
    return bench


def step(
    bench: Bench, steps: int, client: str = "policy/a", *chunks: tuple[str, Chunk], release: bool = False
) -> StepResult:
    return bench.runtime.step(StepRequest(client, steps, release, chunks))


def test_steps_advance_whole_control_periods() -> None:
    bench = make()
    result = step(bench, 3)
    assert (result.success, result.steps_done) == (True, 3)
    assert bench.world.time == pytest.approx(0.03)
    assert [stamp for stamp, _, _ in bench.ports[0].applied] == pytest.approx([0.0, 0.01, 0.02])


def test_zero_steps_report_without_advancing() -> None:
    bench = make()
    assert step(bench, 0).success
    assert bench.world.time == 0.0


def test_second_client_is_refused_and_told_who_owns() -> None:
    bench = make()
    step(bench, 1)
    result = step(bench, 1, "policy/b")
    assert not result.success and "'policy/a' owns stepping" in result.message
    assert bench.world.time == pytest.approx(0.01)


def test_release_frees_stepping_and_its_leases() -> None:
    bench = make()
    step(bench, 1, "policy/a", ("arm", bench.chunk([0.5, 0.0], source="policy/a")))
    assert bench.gates[0].lease_holder == "policy/a"
    step(bench, 0, release=True)
    assert bench.gates[0].lease_holder == ""
    assert step(bench, 1, "policy/b").success


def test_silent_owner_loses_stepping() -> None:
    bench = make(owner_timeout=1e-6)
    step(bench, 1)
    assert step(bench, 1, "policy/b").success


def test_stopped_robot_lets_nothing_advance() -> None:
    bench = make("left", "right")
    bench.gates[1].stop("test", bench.control.now())
    result = step(bench, 5, "policy/a", ("left", bench.chunk([0.5, 0.0])))
    assert (result.success, result.steps_done, bench.world.time) == (False, 0, 0.0)
    assert "'right' is latched (stop: test)" in result.message
    assert bench.gates[0].lease_holder == "", "the chunk did not reach the gate"


def test_stop_in_the_middle_ends_at_that_period() -> None:
    bench = make()

    def stop_at_third() -> None:
        if bench.world.steps == 15:
            bench.gates[0].stop("test", bench.control.now())

    bench.world.on_step = stop_at_third
    result = step(bench, 100)
    assert (result.success, result.steps_done) == (False, 3)
    assert bench.world.time == pytest.approx(0.03)
    assert "stopped after 3 of 100 steps" in result.message


def test_lost_heartbeat_lets_nothing_advance(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make()
    real = bench.control.now
    monkeypatch.setattr(bench.control, "now", lambda: real()._replace(steady=real().steady + 1.0))
    result = step(bench, 1)
    assert not result.success and "heartbeat_lost" in result.message
    assert bench.world.time == 0.0


def test_refusals_are_listed_with_robot_and_reason_and_the_rest_is_played() -> None:
    bench = make()
    bad = bench.chunk([float("nan"), 0.0])
    result = step(bench, 2, "policy/a", ("arm", bad), ("arm", bench.chunk([0.5, 0.0])))
    assert not result.success and result.steps_done == 2
    assert result.refusals[0].startswith("arm: not_finite: ")
    assert len(result.refusals) == 1 and bench.world.robots[0].joints[0] > 0.0


def test_unknown_robot_lets_nothing_advance() -> None:
    bench = make()
    result = step(bench, 1, "policy/a", ("leg", bench.chunk([0.5, 0.0])))
    assert not result.success and "unknown robot 'leg'; valid: arm" in result.message
    assert bench.world.time == 0.0


def test_empty_client_is_refused() -> None:
    assert "client is empty" in step(make(), 1, "").message


def test_world_is_frozen_between_steps_only() -> None:
    bench = make()
    seen: list[bool] = []
    bench.world.on_step = lambda: seen.append(bench.gates[0].world_frozen)
    step(bench, 2)
    assert seen == [False, False] and bench.gates[0].world_frozen


def test_same_commands_give_identical_bytes() -> None:
    def episode(bench: Bench) -> list[bytes]:
        bench.runtime.reset(7)
        states = []
        for k in range(40):
            bench.beat()
            step(
                bench,
                1,
                "policy/a",
                ("arm", bench.chunk([np.sin(0.1 * k), -0.3], [np.sin(0.1 * k), 0.3])),
                release=k == 39,
            )
            states.append(bench.world.get_state().tobytes())
        return states

    bench = make()
    assert episode(bench) == episode(bench) == episode(make())


def test_stepping_another_mode_is_refused_and_lockstep_cannot_pause() -> None:
    with pytest.raises(WorldError, match="mode realtime"):
        step(Bench(), 1)
    with pytest.raises(WorldError, match="cannot be paused"):
        make().runtime.pause(True)

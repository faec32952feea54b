"""When the policy is asked, what is sent, and why a run ends: one test for each reason."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import ConfigurationError, PolicyError
from strands_robots.core.types import Action, ControlMode
from strands_robots.policies.run.policy_run import PolicyRun, RunConfig, RunReason

from .observations import NAMES, REPORT, at, observe

PERIOD = 0.02


def _action(rows: int = 20, value: float = 0.5) -> Action:
    return Action(NAMES, np.full((rows, 2), value), PERIOD)


def _run(start: float = 10.0, **options: float) -> PolicyRun:
    run = PolicyRun(RunConfig("arm", "policy/test", **{"duration": 2.0, **options}), at(start), 1)  # type: ignore[arg-type]
    run.on_gate(REPORT, at(start))
    run.on_observation(observe(start), at(start))
    return run


def _send(run: PolicyRun, now: float, rows: int = 20, *, played: bool = True) -> Chunk:
    assert run.observation is not None
    chunk = run.make_chunk(_action(rows), run.observation, 0.01, at(now))
    if played:
        run.on_applied(chunk.source, chunk.sequence, NAMES, chunk.values[0])
    return chunk


def _play(run: PolicyRun, begin: float, end: float, **options: bool) -> list[Chunk]:
    chunks = []
    for now in np.arange(begin, end, 0.01):
        run.on_observation(observe(now), at(now))
        if run.is_inference_due(at(now)):
            chunks.append(_send(run, now, **options))
        if run.ending:
            break
    return chunks


def test_run_without_a_limit_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="neither duration nor steps"):
        RunConfig("arm", "policy/test")
    with pytest.raises(ConfigurationError, match="duration is nan"):
        RunConfig("arm", "policy/test", duration=math.nan)


def test_first_chunk_waits_for_observation_and_gate() -> None:
    run = PolicyRun(RunConfig("arm", "policy/test", duration=1.0), at(0.0), 1)
    assert not run.is_inference_due(at(0.0))
    run.on_observation(observe(0.0), at(0.0))
    assert not run.is_inference_due(at(0.0))
    run.on_gate(REPORT, at(0.0))
    assert run.is_inference_due(at(0.0))


def test_chunk_says_where_it_comes_from() -> None:
    run = _run(10.0)
    chunk = _send(run, 10.05)
    assert (chunk.source, chunk.stamp, chunk.observation_stamp, chunk.control_period) == (
        "policy/test",
        10.05,
        10.0,
        PERIOD,
    )
    assert (run.last_latency, run.last_age) == (0.01, pytest.approx(0.05))
    assert _send(run, 10.06).sequence == chunk.sequence + 1


def test_next_inference_is_due_when_half_of_the_chunk_is_left() -> None:
    run = _run(10.0)
    _send(run, 10.0)
    run.on_observation(observe(10.19), at(10.19))
    assert not run.is_inference_due(at(10.19))
    assert run.is_inference_due(at(10.21))


def test_run_completes_after_its_duration_and_the_last_chunk_ends_there() -> None:
    run = _run(10.0, duration=1.0)
    chunks = _play(run, 10.0, 12.0)
    assert run.ending is not None
    assert run.ending.reason is RunReason.COMPLETED
    last = chunks[-1]
    assert last.observation_stamp is not None
    assert last.observation_stamp + len(last.values) * PERIOD == pytest.approx(11.0, abs=PERIOD)
    assert (run.elapsed(at(12.0)), run.steps(at(12.0)), run.lost_chunks) == (1.0, 50, 0)


def test_run_completes_after_its_steps() -> None:
    run = _run(10.0, duration=0.0, steps=30)
    _play(run, 10.0, 12.0)
    assert run.ending is not None
    assert run.ending.reason is RunReason.COMPLETED
    assert (run.steps(at(12.0)), run.elapsed(at(12.0))) == (30, pytest.approx(0.6))


def test_latched_gate_ends_the_run() -> None:
    run = _run()
    run.on_gate(replace(REPORT, latched=True, latch_reason="stop: pressed"), at(10.1))
    assert run.ending is not None
    assert run.ending.reason is RunReason.STOPPED
    assert "stop: pressed" in run.ending.message


def test_first_reason_stays() -> None:
    run = _run()
    run.end(RunReason.CANCELLED, "by the client")
    run.on_gate(replace(REPORT, latched=True), at(10.1))
    assert run.ending is not None
    assert run.ending.reason is RunReason.CANCELLED


def test_chunks_that_are_not_played_end_the_run_with_the_gates_words() -> None:
    run = _run()
    run.on_gate(replace(REPORT, refusals={"lease": 1}, last_refusal="lease: 'teleop/x' holds the robot"), at(10.0))
    chunks = _play(run, 10.0, 12.0, played=False)
    assert len(chunks) == run.config.max_refusals
    assert run.ending is not None
    assert run.ending.reason is RunReason.REFUSED
    assert "teleop/x" in run.ending.message


def test_one_lost_chunk_is_counted_and_the_run_goes_on() -> None:
    run = _run()
    _send(run, 10.0, played=False)
    run.on_observation(observe(10.3), at(10.3))
    _send(run, 10.3)
    assert run.lost_chunks == 1
    assert not run.has_ended()


def test_old_observation_ends_the_run() -> None:
    run = _run()
    _send(run, 10.0)
    assert not run.is_inference_due(at(10.6))
    assert run.ending is not None
    assert run.ending.reason is RunReason.OBSERVATION_LOST


def test_silent_robot_ends_the_run_though_simulated_time_stands_still() -> None:
    run = _run()
    _send(run, 10.0)
    run.is_inference_due(at(10.0, steady=10.7))
    assert run.ending is not None
    assert run.ending.reason is RunReason.OBSERVATION_LOST


def test_paused_world_makes_the_run_wait() -> None:
    run = _run()
    _send(run, 10.0)
    run.on_gate(REPORT, at(10.0, steady=70.0))
    run.is_inference_due(at(10.0, steady=70.1))
    assert not run.has_ended()


def test_missing_robot_ends_the_run_at_the_start() -> None:
    run = PolicyRun(RunConfig("arm", "policy/test", duration=1.0, start_timeout=3.0), at(0.0), 1)
    run.is_inference_due(at(0.0, steady=3.1))
    assert run.ending is not None
    assert run.ending.message == "no arm/joint_states within 3.0 s"


def test_time_that_goes_back_ends_the_run() -> None:
    run = _run()
    _send(run, 10.0)
    run.on_observation(observe(0.0), at(0.0))
    assert run.ending is not None
    assert run.ending.reason is RunReason.WORLD_FAILED


def test_time_that_goes_back_before_the_first_chunk_begins_the_waiting_anew() -> None:
    run = _run()
    run.on_observation(observe(0.02), at(0.02, steady=10.1))
    assert run.observation is not None and run.observation.stamp == 0.02
    assert run.is_inference_due(at(0.02, steady=10.1)) and not run.has_ended()


def test_held_robot_is_waited_for_and_then_asked_anyway() -> None:
    run = _run()
    run.on_gate(replace(REPORT, lease_holder="policy/other"), at(10.0))
    assert not run.is_inference_due(at(10.1))
    run.on_observation(observe(11.1), at(11.1))
    assert run.is_inference_due(at(11.1))


def test_robot_that_this_policy_holds_already_is_not_waited_for() -> None:
    run = _run()
    run.on_gate(replace(REPORT, lease_holder="policy/test"), at(10.0))
    assert run.is_inference_due(at(10.1))


def test_hold_is_the_last_commanded_position() -> None:
    run = _run()
    assert run.make_hold(at(10.0)) is None
    chunk = _send(run, 10.0)
    run.on_applied(chunk.source, chunk.sequence, NAMES, np.array([0.25, 0.75]))
    hold = run.make_hold(at(10.1))
    assert hold is not None
    np.testing.assert_array_equal(hold.values, [[0.25, 0.75]])
    assert (hold.stamp, hold.observation_stamp, hold.sequence) == (10.1, None, chunk.sequence + 1)


def test_motion_is_what_the_joints_did_since_the_start() -> None:
    run = PolicyRun(RunConfig("arm", "policy/test", duration=1.0), at(0.0), 1)
    run.on_gate(REPORT, at(0.0))
    run.on_observation(observe(0.0, 5.0, 5.0), at(0.0))
    run.on_observation(observe(0.1, 1.0, 1.0), at(0.1))
    _send(run, 0.1)
    run.on_observation(observe(0.2, 2.0, 0.5), at(0.2))
    assert (run.motion.highest - run.motion.lowest).tolist() == [1.0, 0.5]


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("text", "valid: Action"),
        (Action((), np.zeros((3, 0)), PERIOD), "valid: each once, of shoulder_pan, elbow_flex"),
        (Action(("knee",), np.zeros((3, 1)), PERIOD), "'knee'"),
        (Action(("elbow_flex",) * 2, np.zeros((3, 2)), PERIOD), "each once"),
        (Action(NAMES, np.zeros((3, 3)), PERIOD), r"valid: \(H, 2\)"),
        (Action(NAMES, np.zeros((0, 2)), PERIOD), r"H >= 1"),
        (Action(NAMES, np.zeros(2), PERIOD), r"valid: \(H, 2\)"),
        (Action(NAMES, np.array([[0.0, math.nan]]), PERIOD), "row 0 of 'elbow_flex' is nan"),
        (Action(NAMES, np.array([["a", "b"]]), PERIOD), "no finite numbers"),
        (Action(NAMES, np.zeros((40000, 2)), PERIOD), "at most 65536"),
        (Action(NAMES, np.zeros((3, 2)), 0.0), "control period"),
        (Action(NAMES, np.zeros((3, 2)), math.nan), "control period"),
        (Action(NAMES, np.zeros((3, 2)), PERIOD, 7), "mode 7"),  # type: ignore[arg-type]
    ],
)
def test_unusable_action_is_an_error_that_says_what_is_valid(action: Action, words: str) -> None:
    run = _run()
    with pytest.raises(PolicyError, match=words):
        run.make_chunk(action, observe(10.0), 0.0, at(10.0))


def test_velocity_action_keeps_its_mode() -> None:
    action = Action(NAMES, np.zeros((3, 2)), PERIOD, ControlMode.VELOCITY)
    assert _run().make_chunk(action, observe(10.0), 0.0, at(10.0)).mode == ControlMode.VELOCITY


def test_a_policy_that_is_done_ends_its_run_with_its_last_rows() -> None:
    run = _run(duration=60.0)
    assert run.observation is not None
    chunk = run.make_chunk(replace(_action(10), is_last=True), run.observation, 0.01, at(10.0))
    run.on_applied(chunk.source, chunk.sequence, NAMES, chunk.values[0])
    _play(run, 10.01, 11.0)
    assert run.ending is not None and run.ending.reason is RunReason.COMPLETED
    assert run.chunks == 1 and run.elapsed(at(11.0)) == pytest.approx(0.2)

"""Ensembling, latency records and when a policy is asked next."""

from __future__ import annotations

import numpy as np
import pytest

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.core.types import Action, Playback
from strands_robots.motion.ensemble import TemporalEnsemble
from strands_robots.policies.run.goal_fields import PolicyGoal
from strands_robots.policies.run.policy_goal import PolicySession
from strands_robots.policies.run.policy_run import Blending, PolicyRun, RunConfig, RunReason
from strands_robots.policies.run.timing import LatencyRecord, replan_time

from .observations import NAMES, REPORT, at, observe


def test_ensemble_averages_predictions_for_the_same_time() -> None:
    ensemble = TemporalEnsemble(0.0)
    names = ("a",)
    ensemble.blend(names, np.zeros((4, 1)), 0.0, 0.1)
    second = ensemble.blend(names, np.full((4, 1), 1.0), 0.1, 0.1)
    np.testing.assert_allclose(second[:, 0], [0.5, 0.5, 0.5, 1.0])
    third = ensemble.blend(names, np.full((4, 1), 2.0), 0.2, 0.1)
    np.testing.assert_allclose(third[:, 0], [1.0, 1.0, 1.5, 2.0])


def test_ensemble_weighs_as_act_does() -> None:
    coefficient, predictions = 0.3, [0.0, 1.0, 5.0]
    ensemble = TemporalEnsemble(coefficient)
    for i, value in enumerate(predictions):
        rows = ensemble.blend(("a",), np.full((10, 1), value), 0.1 * i, 0.1)
    weights = np.exp(-coefficient * np.arange(3))
    assert rows[0, 0] == pytest.approx(np.dot(weights, predictions) / weights.sum())


def test_ensemble_off_the_grid_interpolates_and_starts_anew_for_other_joints() -> None:
    ensemble = TemporalEnsemble(0.0)
    ramp = np.arange(6.0)[:, None]
    ensemble.blend(("a",), ramp, 0.0, 0.1)
    shifted = ensemble.blend(("a",), ramp + 0.5, 0.05, 0.1)
    np.testing.assert_allclose(shifted[:, 0], ramp[:, 0] + 0.5, atol=1e-9)
    np.testing.assert_allclose(ensemble.blend(("b",), ramp, 0.1, 0.1), ramp)
    ensemble.reset()
    np.testing.assert_allclose(ensemble.blend(("b",), ramp * 2, 0.1, 0.1), ramp * 2)


def test_next_inference_leaves_time_for_itself() -> None:
    assert replan_time(0.0, 1.0, 0.0, 0.0, 0, 0.02) == pytest.approx(0.5)
    assert replan_time(0.0, 1.0, 0.0, 0.0, 10, 0.02) == pytest.approx(0.2)
    assert replan_time(0.0, 1.0, 0.3, 0.6, 0, 0.02) == pytest.approx(0.25)


def test_latency_record_expects_the_longest_recent_time() -> None:
    record = LatencyRecord()
    assert (record.expected, record.percentile(50.0), record.delay_rows(0.02)) == (0.0, 0.0, 0)
    for latency in (0.9, *[0.1] * 9, 0.11):
        record.add(latency)
    assert record.expected == pytest.approx(0.11)
    assert record.delay_rows(0.02) == 6
    assert record.percentile(50.0) == pytest.approx(0.1)


def _chunk(run: PolicyRun, stamp: float, now: float, latency: float = 0.01, value: float = 0.0) -> np.ndarray:
    observation = observe(stamp)
    run.on_observation(observation, at(stamp))
    return run.make_chunk(Action(NAMES, np.full((10, 2), value), 0.1), observation, latency, at(now)).values


def test_run_says_how_far_the_running_chunk_is_and_counts_underruns() -> None:
    run = PolicyRun(RunConfig("arm", "policy/x", 60.0), at(0.0), 1)
    run.on_gate(REPORT, at(0.0))
    assert run.playback(observe(0.0)) == Playback(-1, 0)
    _chunk(run, 0.0, 0.05, latency=0.25)
    assert run.playback(observe(0.31)) == Playback(3, 3)
    _chunk(run, 0.5, 0.9)
    assert run.underruns == 0
    _chunk(run, 0.6, 1.7)
    assert run.underruns == 1


def test_run_ensembles_when_asked_to() -> None:
    run = PolicyRun(RunConfig("arm", "policy/x", 60.0, blending=Blending.ENSEMBLE), at(0.0), 1)
    run.on_gate(REPORT, at(0.0))
    _chunk(run, 0.0, 0.0, value=0.0)
    rows = _chunk(run, 0.5, 0.5, value=1.0)
    assert rows[0, 0] == pytest.approx(0.5, abs=0.01)
    assert rows[-1, 0] == 1.0


def test_in_lockstep_the_time_of_inference_changes_nothing() -> None:
    run = PolicyRun(RunConfig("arm", "policy/x", 60.0, is_realtime=False), at(0.0), 1)
    run.on_gate(REPORT, at(0.0))
    _chunk(run, 0.0, 0.0, latency=100.0)
    assert run.playback(observe(0.2)).delay == 0
    assert not run.is_inference_due(at(0.4))
    run.on_observation(observe(0.5), at(0.5))
    assert run.is_inference_due(at(0.5))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"blending": "rct"}, "unknown blending 'rct'; valid: ensemble, rtc, splice"),
        ({"stop_when": "{joint: a}"}, "needs 'above' or 'below'"),
        ({"stop_when": "{body: cube, above_z: 1}"}, "stop_when names bodies"),
        ({"stop_when": "{when: later}"}, "valid: {joint, above, below}"),
    ],
)
def test_goal_with_a_wrong_option_is_refused(fields: dict[str, str], words: str) -> None:
    with pytest.raises((ConfigurationError, UnknownNameError)) as refused:
        PolicySession(PolicyGoal("id", "arm", "hold", duration=1.0, **fields), at(0.0))
    assert words in str(refused.value)


def test_stop_condition_ends_the_run_as_a_success() -> None:
    session = PolicySession(
        PolicyGoal("id", "arm", "hold", duration=60.0, stop_when="{joint: elbow_flex, above: 0.5}"), at(0.0)
    )
    session.on_gate(REPORT, at(0.0))
    session.on_observation(observe(0.0, 0.0, 0.9), at(0.0))
    assert not session.run.has_ended()
    session.run.make_chunk(Action(NAMES, np.zeros((10, 2)), 0.1), observe(0.0), 0.0, at(0.0))
    session.on_observation(observe(0.1, 0.0, 0.4), at(0.1))
    assert not session.run.has_ended()
    session.on_observation(observe(0.2, 0.0, 0.6), at(0.2))
    outcome = session.outcome(at(0.2))
    assert (outcome.success, outcome.reason) == (True, RunReason.CONDITION_MET)


def test_chunks_that_follow_each_other_faster_than_they_are_seen_are_not_lost() -> None:
    run = PolicyRun(RunConfig("arm", "policy/x", 60.0, execute_rows=1), at(0.0), 1)
    run.on_gate(REPORT, at(0.0))
    for i in range(50):
        _chunk(run, 0.02 * i, 0.02 * i)
        if i >= 4:
            run.on_applied("policy/x", i - 3, NAMES, np.zeros(2))  # four chunks behind
        run.is_inference_due(at(0.02 * i))
    assert not run.has_ended()
    assert run.lost_chunks == 0
    run.on_observation(observe(1.3), at(1.3))
    run.is_inference_due(at(1.3))
    assert run.has_ended()
    assert run.ending is not None
    assert "chunks in a row were not played" in run.ending.message

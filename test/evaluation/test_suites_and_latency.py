"""Suites with their experts and floors, and latency that counts in lockstep."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from strands_robots.cli.main import app
from strands_robots.core.errors import ConfigurationError
from strands_robots.evaluation.episode import EpisodeRunner
from strands_robots.evaluation.episode_result import EpisodeResult, PolicyChoice
from strands_robots.evaluation.latency import MEASURED, parse_latencies
from strands_robots.evaluation.suite import load_suite
from strands_robots.evaluation.task import load_task

SUITE = load_suite("tabletop").tasks
REACH = """
name: reach
robot: so101
success: {holds: {joint: shoulder_pan, above: 0.3}, for: 0.1}
duration: 4.0
settle: 0.0
"""
SCRIPT = "{waypoints: [{joints: {shoulder_pan: 0.4}}]}"


def test_suite_has_twelve_tasks_and_more_on_two_arms_and_each_has_an_expert() -> None:
    tasks = [load_task(name) for name in SUITE]
    assert len(tasks) >= 12
    assert {task.robot for task in tasks} == {"so101", "panda", "tasks/robots/so101_pair.yaml"}
    assert [task.name for task in tasks if task.expert is None or not task.instruction] == []


@pytest.mark.parametrize("name", ["reach", "push", "open_drawer", "lift_among_distractors", "panda_reach"])
def test_expert_does_its_task_and_the_floors_do_not(name: str) -> None:
    assert _run(name, "expert").success
    assert not _run(name, "noop").success


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SUITE)
def test_every_expert_does_its_task_and_the_floors_do_not(name: str) -> None:
    assert [_run(name, "expert", seed).outcome for seed in (0, 1)] == ["success", "success"]
    assert [_run(name, policy).outcome for policy in ("noop", "random")] == ["failure", "failure"]


def test_chance_repeats_with_its_seed_and_moves_the_robot() -> None:
    runner = EpisodeRunner(load_task(REACH), PolicyChoice("random"))
    first, second, other = runner.run(1), runner.run(1), runner.run(2)
    runner.close()
    assert first.action_digest == second.action_digest != other.action_digest
    assert first.end_digest == second.end_digest != first.start_digest


def test_task_without_an_expert_says_so() -> None:
    with pytest.raises(ConfigurationError, match="task 'reach' has no expert"):
        EpisodeRunner(load_task(REACH), PolicyChoice("expert"))


def test_declared_latency_repeats_and_costs_time_only_where_the_chunks_do_not_cover_it() -> None:
    """A chunk has 0.4 s: one that comes 0.1 s late is caught up with, one that comes 1 s late is played late."""
    at_once, caught_up, late = _latency(0.0), _latency(0.1), _latency(1.0)
    assert [one.success for one in (at_once, caught_up, late)] == [True] * 3
    assert at_once.stale_share == caught_up.stale_share == 0.0
    assert caught_up.time == pytest.approx(at_once.time, abs=0.05)
    assert late.time >= 1.0 + at_once.time
    assert late.stale_share > 0.3
    assert late.latency_p50 == 1.0
    assert late.repeatable == _latency(1.0).repeatable


def test_answer_that_comes_after_the_end_is_no_error() -> None:
    for latency in (0.35, 0.7, 1.3):
        runner = EpisodeRunner(load_task(REACH.replace("4.0", "1.5")), PolicyChoice("hold"), latency=latency)
        result = runner.run(0)
        runner.close()
        assert (result.outcome, result.reason) == ("failure", "completed"), result.message


def test_latencies_are_read_and_bad_ones_refused() -> None:
    assert parse_latencies("0, 0.05,measured") == [0.0, 0.05, MEASURED]
    for given in ("-1", "x", "11", "nan", "0.1,0.1"):
        with pytest.raises(ConfigurationError, match="valid:"):
            parse_latencies(given)


def test_sweep_draws_success_against_latency(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    task = tmp_path / "reach.yaml"
    task.write_text(REACH.replace("4.0", "1.5"))
    words = ["evaluate", str(task), "scripted", "--config", SCRIPT, "--episodes", "1", "--workers", "1",
             "--latency", "0,1.0", "--output", str(tmp_path / "out")]  # fmt: skip
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / "latency.png").read_bytes().startswith(b"\x89PNG")
    rates = [line.split()[1] for line in done.output.splitlines() if line.strip()[:1].isdigit() and " to " in line]
    assert rates == ["100.0", "0.0"]


def _run(name: str, policy: str, seed: int = 0) -> EpisodeResult:
    runner = EpisodeRunner(load_task(name), PolicyChoice(policy))
    result = runner.run(seed)
    runner.close()
    return result


def _latency(latency: float) -> EpisodeResult:
    runner = EpisodeRunner(load_task(REACH), PolicyChoice("scripted", SCRIPT), latency=latency)
    result = runner.run(0)
    runner.close()
    return result

"""An evaluation whose worker or whose own process is killed: one episode is lost, and a resumed run gives the same digest."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from graph import wait_for

from strands_robots.evaluation.digests import results_digest
from strands_robots.evaluation.episode import EpisodeRunner
from strands_robots.evaluation.episode_result import EpisodeResult, PolicyChoice
from strands_robots.evaluation.repeat import repeat
from strands_robots.evaluation.results_file import NAME, read_results
from strands_robots.evaluation.runner import EvaluationConfig, evaluate
from strands_robots.evaluation.task import load_task

REACH = """
name: reach
robot: so101
success: {holds: {joint: shoulder_pan, above: 0.3}, for: 0.1}
stages: [{joint: shoulder_pan, above: 0.1}]
joint_noise: 0.05
duration: 2.0
settle: 0.0
"""
SCRIPT = "{waypoints: [{joints: {shoulder_pan: 0.35}}]}"
CONFIG = EvaluationConfig(REACH, PolicyChoice("scripted", SCRIPT), 6, 3, 2)


@pytest.fixture(scope="module")
def undisturbed() -> str:
    return results_digest(evaluate(replace(CONFIG, workers=1)).results)


def test_killed_worker_costs_one_episode_and_resume_gives_the_same_digest(tmp_path: Path, undisturbed: str) -> None:
    killed: list[int] = []

    def kill(result: EpisodeResult) -> None:
        if not killed:
            workers = [child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())]
            killed.append(workers[0].pid)
            os.kill(killed[0], signal.SIGKILL)

    first = evaluate(replace(CONFIG, output_folder=tmp_path), kill)
    lost = [result for result in first.results if result.is_error]
    assert [(result.reason, result.message) for result in lost] == [
        ("worker_died", "the worker's process ended with signal 9")
    ]
    assert len(first.results) == 6
    assert "1 could not be judged" in first.summary()
    again = evaluate(replace(CONFIG, output_folder=tmp_path, is_resumed=True))
    assert results_digest(again.results) == undisturbed
    assert json.loads((tmp_path / "results.json").read_text())["digest"] == undisturbed


def test_killed_evaluation_is_resumed_with_the_same_digest_and_repeats(tmp_path: Path, undisturbed: str) -> None:
    task = tmp_path / "reach.yaml"
    task.write_text(REACH)
    command = [
        "strands-robots", "evaluate", str(task), "scripted", "--config", SCRIPT,
        "--episodes", "6", "--seed", "3", "--workers", "1", "--output", str(tmp_path / "out"),
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    results = tmp_path / "out" / NAME
    wait_for(lambda: results.is_file() and results.read_bytes().count(b"\n") >= 3, 60.0, "two episodes on the disk")
    process.kill()
    process.wait()
    done = len(read_results(results).results)
    assert done >= 2
    resumed = subprocess.run([*command, "--resume"], capture_output=True, text=True, timeout=100, check=False)
    assert resumed.returncode == 0, resumed.stderr
    assert results_digest(read_results(results).results.values()) == undisturbed
    assert repeat(results, workers=1).episodes_unlike == ()
    lines = results.read_text().splitlines()
    changed = json.loads(lines[1])
    changed["action_digest"], changed["time"] = "0" * 64, 9.0
    results.write_text("\n".join([lines[0], json.dumps(changed), ""]))
    (unlike,) = repeat(results, workers=1).episodes_unlike
    assert "time was 9.0, is" in unlike
    assert "action_digest was 000000000000, is" in unlike


def test_progress_counts_stages_and_a_premise_that_does_not_hold_is_no_failure() -> None:
    half = EpisodeRunner(load_task(REACH), PolicyChoice("scripted", SCRIPT.replace("0.35", "0.2"))).run(0)
    assert (half.outcome, half.progress) == ("failure", 0.5)
    unmet = EpisodeRunner(load_task(REACH + "premise: [{joint: shoulder_pan, above: 1.0}]"), PolicyChoice("hold")).run(
        0
    )
    assert (unmet.outcome, unmet.reason) == ("error", "premise_failed")
    assert unmet.premise == ('{"joint":"shoulder_pan","quantity":"position","above":1.0}',)


@pytest.mark.long
def test_ray_gives_the_same_digest_also_when_an_actor_is_killed(tmp_path: Path, undisturbed: str) -> None:
    pytest.importorskip("ray")
    killed: list[int] = []

    def kill(result: EpisodeResult) -> None:
        if not killed:
            actors = [one for one in psutil.process_iter(["cmdline"]) if _is_actor(one)]
            killed.append(actors[0].pid)
            os.kill(killed[0], signal.SIGKILL)

    first = evaluate(replace(CONFIG, output_folder=tmp_path, on="ray"), kill)
    assert {result.reason for result in first.results if result.is_error} == {"worker_died"}
    assert first.errors == 1
    again = evaluate(replace(CONFIG, output_folder=tmp_path, is_resumed=True, workers=1))
    assert results_digest(again.results) == undisturbed


@pytest.mark.long
@pytest.mark.timeout(400)
def test_ray_whose_node_is_killed_is_resumed_with_the_same_digest(tmp_path: Path, undisturbed: str) -> None:
    pytest.importorskip("ray")
    task = tmp_path / "reach.yaml"
    task.write_text(REACH)
    command = [
        "strands-robots", "evaluate", str(task), "scripted", "--config", SCRIPT,
        "--episodes", "6", "--seed", "3", "--workers", "1", "--output", str(tmp_path / "out"),
    ]  # fmt: skip
    process = subprocess.Popen([*command, "--on", "ray"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    results = tmp_path / "out" / NAME
    wait_for(lambda: results.is_file() and results.read_bytes().count(b"\n") >= 2, 200.0, "an episode on the disk")
    nodes = [one for one in psutil.Process(process.pid).children(recursive=True) if one.name() == "raylet"]
    assert nodes
    for node in nodes:
        node.kill()
    try:
        process.wait(
            100.0
        )  # Ray ends the process whose node is gone, or tells it; what is done is on the disk in both cases.
    finally:
        process.kill()
    done = read_results(results).results
    assert done
    resumed = subprocess.run([*command, "--resume"], capture_output=True, text=True, timeout=100, check=False)
    assert resumed.returncode == 0, resumed.stderr
    assert results_digest(read_results(results).results.values()) == undisturbed


def _is_actor(process: psutil.Process) -> bool:
    words = " ".join(process.info["cmdline"] or [])
    return "ray::EpisodeActor" in words

"""Benchmarks in processes of their own, spoken to as any benchmark is: agreement with a plain loop, premises, and processes that die."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from strands_robots.cli.main import app
from strands_robots.core.errors import ConfigurationError, UnknownNameError, WorldError
from strands_robots.evaluation.benchmarks import environment
from strands_robots.evaluation.benchmarks.catalogue import benchmark_names, load_benchmark
from strands_robots.evaluation.benchmarks.client import BenchmarkProcess
from strands_robots.evaluation.benchmarks.run import BenchmarkRun, run_benchmark
from strands_robots.evaluation.benchmarks.worker import pack, sizes, unpack
from strands_robots.evaluation.episode_result import PolicyChoice
from strands_robots.evaluation.repeat import repeat
from strands_robots.evaluation.results_file import read_results

WORLD = Path(__file__).with_name("counter_world.py")


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A benchmark whose environment is this one: installed without pip, from a catalogue file."""
    monkeypatch.setenv(environment.ROOT_VARIABLE, str(tmp_path))
    file = tmp_path / "counter.yaml"
    about = {
        "name": "counter",
        "title": "a counter",
        "environment": "own",
        "requirements": [],
        "size": 1,
        "licence": "none",
    }
    file.write_text(yaml.safe_dump({**about, "world": str(WORLD)}))
    (tmp_path / "own" / "bin").mkdir(parents=True)
    python = tmp_path / "own" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (tmp_path / "own" / "benchmarks.json").write_text(json.dumps({"counter": []}))
    return str(file)


def _run(counter: str, policy: str, *tasks: str, **options: object) -> list[tuple[str, int, str, float]]:
    found = run_benchmark(BenchmarkRun(counter, PolicyChoice(policy), tasks, 2, workers=1, **options))  # type: ignore[arg-type]
    return [(one.task, one.index, one.reason, one.time) for one in found.results]


def test_message_comes_back_as_it_was() -> None:
    message = {"do": "step", "action": np.array([0.1, -1e-300]), "deep": [{"picture": np.zeros((2, 3, 3), np.uint8)}]}
    sent = pack(message)
    text, blobs = sizes(sent[:8])
    back = unpack(sent[8 : 8 + text], sent[8 + text : 8 + text + blobs])
    assert back["action"].tobytes() == message["action"].tobytes()
    assert back["deep"][0]["picture"].shape == (2, 3, 3)


def test_expert_agrees_with_a_plain_loop_and_the_floors_fail(counter: str, tmp_path: Path) -> None:
    """Half a count for each step of 0.1 s, from 0 and from 1 to 5: ten steps and eight."""
    assert _run(counter, "expert", "count") == [("count", 0, "condition_met", 1.0), ("count", 1, "condition_met", 0.8)]
    assert _run(counter, "noop", "count") == [("count", 0, "completed", 2.0), ("count", 1, "completed", 2.0)]
    assert {reason for _, _, reason, _ in _run(counter, "random", "count_far")} == {"completed"}


def test_premise_that_does_not_hold_is_an_error_not_a_failure(counter: str) -> None:
    found = run_benchmark(BenchmarkRun(counter, PolicyChoice("expert"), ["tilted"], 1, workers=1))
    assert [(one.outcome, one.reason, one.premise) for one in found.results] == [
        ("error", "premise_failed", ("on bowl ramekin",))
    ]


def test_benchmark_that_raises_or_dies_costs_one_episode_each(counter: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _run(counter, "expert", "count", "raise", "die", folder=out)
    recorded = read_results(out)
    assert {key: one.reason for key, one in recorded.results.items()} == {
        ("count", 0): "condition_met", ("count", 1): "condition_met", ("raise", 0): "world_failed",
        ("raise", 1): "world_failed", ("die", 0): "world_failed", ("die", 1): "world_failed",
    }  # fmt: skip
    assert "no such joint" in recorded.results["raise", 0].message
    assert "exit code 7" in recorded.results["die", 0].message
    assert recorded.run["tasks"]["count"]["gate"] is False
    again = repeat(out, workers=1)
    assert (again.episodes, again.environment, again.episodes_unlike) == (2, (), ())
    assert recorded.run["versions"]["counter numpy"] == np.__version__


def test_hung_benchmark_is_ended() -> None:
    process = BenchmarkProcess(Path(sys.executable), WORLD, "counter", timeout=20.0)
    process.ask(do="reset", task="hang", index=0, seed=0)
    process._timeout = 0.3
    with pytest.raises(WorldError, match=r"did not answer 'step' within 0.3 s; its process was ended"):
        process.ask(do="step", action=np.zeros(1))
    assert not process.is_alive
    process.close()


def test_any_policy_with_an_adapter_runs_on_a_benchmark(counter: str) -> None:
    """The scripted policy takes the action's elements for joints: a row of the benchmark's own words."""
    script = PolicyChoice("scripted", "{waypoints: [{joints: {add: 1.0}}]}")
    found = run_benchmark(BenchmarkRun(counter, script, ["count"], 1, workers=1))
    assert found.results[0].success, found.results[0].message


def test_names_that_are_not_there_are_told_with_those_that_are(counter: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown task of the benchmark 'county'; valid: count"):
        run_benchmark(BenchmarkRun(counter, PolicyChoice("noop"), ["county"]))
    with pytest.raises(ConfigurationError, match="9 states of each task were asked for; valid: 1 to 4"):
        run_benchmark(BenchmarkRun(counter, PolicyChoice("noop"), ["count"], 9))
    with pytest.raises(ConfigurationError, match="is not installed; valid: strands-robots benchmark install metaworld"):
        run_benchmark(BenchmarkRun("metaworld", PolicyChoice("noop")))
    assert environment.remove(load_benchmark(counter)) is True
    assert not (tmp_path / "own").exists()


def test_catalogue_names_licences_and_pins_the_simulator() -> None:
    assert benchmark_names() == ["libero", "libero_pro", "metaworld", "pusht"]
    for name in benchmark_names():
        config = load_benchmark(name)
        assert config.world_file.is_file()
        assert config.licence
        assert "mujoco==3.3.0" in config.requirements or name == "pusht"


def test_full_disk_is_told_before_anything_is_installed(counter: str) -> None:
    config = load_benchmark(counter).model_copy(update={"size": 10**18})
    with pytest.raises(ConfigurationError, match="valid: more space, or another folder in STRANDS_ROBOTS_BENCHMARKS"):
        environment.install(config)


def test_command_line_runs_and_lists(counter: str, tmp_path: Path) -> None:
    listed = CliRunner().invoke(app, ["benchmark", "tasks", counter])
    assert "count: 4 states, 20 steps: count to 5" in listed.output
    words = ["benchmark", "run", counter, "expert", "--task", "count*", "--states", "1", "--workers", "1"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "mean over 2 tasks: 50.0 %" in done.output

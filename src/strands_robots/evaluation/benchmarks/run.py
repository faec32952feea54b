"""Runs a policy on tasks of a benchmark, each from stored initial states by their index."""

from __future__ import annotations

import contextlib
import fnmatch
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.evaluation.benchmarks.catalogue import load_benchmark
from strands_robots.evaluation.benchmarks.client import BenchmarkProcess
from strands_robots.evaluation.benchmarks.episodes import start
from strands_robots.evaluation.collect.choose import make_collector
from strands_robots.evaluation.collect.unit import Unit
from strands_robots.evaluation.episode_result import EpisodeResult, PolicyChoice
from strands_robots.evaluation.run_record import policy_identity, run_record
from strands_robots.evaluation.run_units import UnitRun
from strands_robots.evaluation.runner import worker_count
from strands_robots.evaluation.video_file import video_suffix


@dataclass(frozen=True)
class BenchmarkRun:
    """What is run.

    Attributes:
        benchmark: Name, or a YAML file.
        choice: The policy: expert, noop, random, or a provider with an adapter.
        tasks: Names or patterns of tasks; empty for all.
        states: Initial states of each task, from the first on.
        seed: Of policies and of what the benchmark draws besides.
        workers: Processes at once; 0 takes one for each core.
        folder: For results.jsonl and videos; None writes nothing.
        is_resumed: Go on with the results.jsonl that is in the folder.
        failure_videos: Most videos of episodes that failed.
        on: Where episodes run, see `collect.choose`.
    """

    benchmark: str
    choice: PolicyChoice
    tasks: Sequence[str] = ()
    states: int = 5
    seed: int = 0
    workers: int = 0
    folder: Path | None = None
    is_resumed: bool = False
    failure_videos: int = 0
    on: str = ""


@dataclass
class BenchmarkResults:
    """What the episodes gave, in the order of task and index."""

    results: list[EpisodeResult] = field(default_factory=list)
    record: dict[str, Any] = field(default_factory=dict)


def run_benchmark(
    config: BenchmarkRun, on_result: Callable[[EpisodeResult], None] = lambda result: None
) -> BenchmarkResults:
    """Run every state of every task and return what they gave.

    Raises:
        StrandsRobotsError: If the benchmark is not installed, a task is unknown, or nothing works any more.
    """
    with contextlib.closing(start(load_benchmark(config.benchmark))) as process:
        tasks = choose(process.ask(do="tasks")["tasks"], config.tasks)
        units = _units(config, tasks)
        record = benchmark_record(process, config.benchmark, tasks, config.choice)
    record |= {"states": config.states, "seed": config.seed}
    collector = make_collector(config.on, worker_count(config.workers, len(units)))
    run = UnitRun(
        units, record, collector, config.folder, is_resumed=config.is_resumed, failure_videos=config.failure_videos
    )
    return BenchmarkResults(run.run(on_result), record)


def benchmark_record(
    process: BenchmarkProcess, benchmark: str, tasks: Sequence[dict[str, Any]], choice: PolicyChoice
) -> dict[str, Any]:
    """Return the record of a run on a benchmark: as any run's, with the benchmark's own versions and hashes.

    Args:
        process: The benchmark.
        benchmark: Its name, or its YAML file.
        tasks: Tasks that are run, as the benchmark tells them.
        choice: The policy.

    Raises:
        StrandsRobotsError: If the benchmark cannot make a task, or the policy's files cannot be read.
    """
    about = {name: process.about[name] for name in ("benchmark", "protocol", "versions", "control_rate")}
    policy = policy_identity(choice)
    described = {
        task["name"]: {
            "task": task, **process.ask(do="identify", task=task["name"])["identity"], "policy": policy, "gate": False
        }
        for task in tasks
    }  # fmt: skip
    record = run_record(described, {"benchmark": about, "benchmark_file": benchmark})
    own = {f"{about['benchmark']} {package}": version for package, version in about["versions"].items()}
    return {**record, "versions": {**record["versions"], **own}}


def choose(tasks: list[dict[str, Any]], patterns: Sequence[str]) -> list[dict[str, Any]]:
    """Return the tasks that names or patterns mean, in the benchmark's order; all for none.

    Raises:
        UnknownNameError: If a pattern means no task.
    """
    names = [task["name"] for task in tasks]
    wanted: set[str] = set()
    for pattern in patterns:
        found = fnmatch.filter(names, pattern)
        if not found:
            raise UnknownNameError("task of the benchmark", pattern, names)
        wanted.update(found)
    return [task for task in tasks if not patterns or task["name"] in wanted]


def _units(config: BenchmarkRun, tasks: list[dict[str, Any]]) -> list[Unit]:
    short = [task for task in tasks if task["states"] < config.states]
    if config.states < 1 or short:
        most = min((int(task["states"]) for task in tasks), default=1)
        raise ConfigurationError(f"{config.states} states of each task were asked for; valid: 1 to {most}")
    if config.failure_videos and config.folder is None:
        raise ConfigurationError("videos of failures need a folder; valid: an output folder, or 0 videos")
    videos = config.folder / "videos" if config.folder is not None and config.failure_videos else None
    return [
        Unit(
            task["name"], json.dumps(task, sort_keys=True), config.choice, index, config.seed + index,
            str(videos / f"{task['name'].replace('/', '_')}_{index}{video_suffix()}") if videos is not None else "",
            benchmark=config.benchmark,
        )
        for task in tasks
        for index in range(config.states)
    ]  # fmt: skip

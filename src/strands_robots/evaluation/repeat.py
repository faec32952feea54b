"""Repeats a recorded run from its results.jsonl alone, and says where it does not come out the same."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from strands_robots.evaluation.benchmarks.catalogue import load_benchmark
from strands_robots.evaluation.benchmarks.episodes import start
from strands_robots.evaluation.benchmarks.run import benchmark_record
from strands_robots.evaluation.collect.choose import make_collector
from strands_robots.evaluation.collect.unit import Unit
from strands_robots.evaluation.episode_result import EpisodeResult, PolicyChoice
from strands_robots.evaluation.results_file import read_results
from strands_robots.evaluation.run_record import differences, policy_identity, run_record, task_identity
from strands_robots.evaluation.run_units import UnitRun
from strands_robots.evaluation.runner import worker_count
from strands_robots.evaluation.task import load_task


@dataclass(frozen=True)
class Repetition:
    """How a repetition compares to its original.

    Attributes:
        episodes: Episodes that were repeated.
        environment: What differs in versions, hashes and files between then and now.
        episodes_unlike: For each episode that came out differently, what differs.
    """

    episodes: int
    environment: tuple[str, ...]
    episodes_unlike: tuple[str, ...]


def repeat(
    path: Path,
    workers: int = 0,
    folder: Path | None = None,
    on: str = "",
    on_result: Callable[[EpisodeResult], None] = lambda result: None,
) -> Repetition:
    """Run every judged episode of a results.jsonl again and compare it field by field.

    Args:
        path: results.jsonl or its folder.
        workers: Episodes at once; 0 takes one for each core.
        folder: Where the repetition's own results.jsonl goes; None writes nothing.
        on: Where episodes run, see `collect.choose`.
        on_result: Told each result as it comes.

    Raises:
        StrandsRobotsError: If the file, a task or a policy cannot be used.
    """
    before = read_results(path)
    originals = {key: result for key, result in before.results.items() if not result.is_error}
    units, record = (_benchmark if "benchmark_file" in before.run else _own)(before.run, list(originals.values()))
    record["repeats"] = str(path)
    run = UnitRun(units, record, make_collector(on, worker_count(workers, max(len(units), 1))), folder)
    results = run.run(on_result)
    unlike = [text for result in results if (text := _unlike(originals[result.key], result))]
    return Repetition(len(results), tuple(differences(before.run, record)), tuple(unlike))


def _own(run: Mapping[str, Any], originals: list[EpisodeResult]) -> tuple[list[Unit], dict[str, Any]]:
    """Return the episodes of tasks of ours, and the record of a run of them now."""
    tasks: dict[str, dict[str, Any]] = {}
    units: list[Unit] = []
    for name, recorded in run["tasks"].items():
        choice = _choice(recorded)
        task = load_task(yaml.safe_dump(recorded["task"], sort_keys=False))
        tasks[name] = {**task_identity(task), "policy": policy_identity(choice)}
        text = yaml.safe_dump(recorded["task"], sort_keys=False)
        units += [
            Unit(name, text, choice, one.index, one.seed, latency=run.get("latency", 0.0))
            for one in originals
            if one.task == name
        ]
    about: dict[str, Any] = {name: run[name] for name in ("episodes", "first_seed", "latency") if name in run}
    return units, run_record(tasks, about)


def _benchmark(run: Mapping[str, Any], originals: list[EpisodeResult]) -> tuple[list[Unit], dict[str, Any]]:
    """Return the episodes of a benchmark's tasks, and the record of a run of them now."""
    benchmark = str(run["benchmark_file"])
    recorded = run["tasks"]
    choice = _choice(next(iter(recorded.values())))
    with contextlib.closing(start(load_benchmark(benchmark))) as process:
        record = benchmark_record(process, benchmark, [one["task"] for one in recorded.values()], choice)
    units = [
        Unit(
            one.task, json.dumps(recorded[one.task]["task"], sort_keys=True), choice, one.index, one.seed, benchmark=benchmark
        )
        for one in originals
    ]  # fmt: skip
    return units, record


def _choice(recorded: Mapping[str, Any]) -> PolicyChoice:
    given = recorded["policy"]
    return PolicyChoice(given["name"], given["config"], given["adapter"])


def _unlike(before: EpisodeResult, now: EpisodeResult) -> str:
    old, new = before.repeatable, now.repeatable
    parts = [f"{name} was {_brief(old[name])}, is {_brief(new[name])}" for name in old if old[name] != new[name]]
    return f"{now.task} {now.index}: {'; '.join(parts)}" if parts else ""


def _brief(value: Any) -> str:
    text = str(value)
    return text[:12] if len(text) == 64 else text[:80]

"""One episode to run as text, which any process or machine can take, and the interface of those that run many. No MuJoCo."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from strands_robots.core.text import printable
from strands_robots.evaluation.episode_result import RAISED, WORKER_DIED, EpisodeResult, PolicyChoice


@dataclass(frozen=True)
class Unit:
    """One episode to run.

    Attributes:
        name: Name of the task.
        task: The task as YAML; for a benchmark what its worker told of it, as JSON.
        choice: The policy.
        index: Index of the initial state in the task; the seed for a task of ours.
        seed: Seed of world and policy.
        video: File for a video of a failure; empty for none.
        attempt: 1 for the first time.
        benchmark: Name or file of the benchmark that has the task; empty for a task of ours.
        latency: Time that an inference is said to take [s]; below 0 for the measured time.
        is_training: True for a run of a sweep of trainings; the task is then what `TrainingTrial` is given, as JSON.
    """

    name: str
    task: str
    choice: PolicyChoice
    index: int
    seed: int
    video: str = ""
    attempt: int = 1
    benchmark: str = ""
    latency: float = 0.0
    is_training: bool = False

    @property
    def key(self) -> tuple[str, int]:
        """Task and index: which episode this is."""
        return self.name, self.index

    def failed(self, reason: str, message: str) -> EpisodeResult:
        """Return a result that says why the episode could not be judged."""
        return EpisodeResult(
            self.seed, False, 0.0, reason, printable(message)[:2048], task=self.name, index=self.index, is_error=True,
            attempt=self.attempt,
        )  # fmt: skip


OnResult = Callable[[EpisodeResult], None]


class Collector(Protocol):
    """Runs episodes, in any order. A worker that dies costs the episode that it was running, and is replaced."""

    def collect(self, units: Sequence[Unit], on_result: OnResult, is_cancelled: Callable[[], bool]) -> None:
        """Run every unit and tell each result as it comes; True of `is_cancelled` ends it early."""


KEPT = 2
"""Worlds with their policies that a process keeps: two policies that are compared take turns."""


class UnitRunner:
    """Runs one unit after the other in this process; the worlds and policies of the last ones are kept for the next."""

    def __init__(self) -> None:
        self._runners: dict[object, Any] = {}

    def run(self, unit: Unit) -> EpisodeResult:
        """Run one episode; whatever is raised costs this episode only."""
        try:
            result: EpisodeResult = self._ready(unit).run(
                unit.seed, Path(unit.video) if unit.video else None, index=unit.index
            )
        except Exception as error:  # noqa: BLE001 - policies and tasks are other people's code: one episode is lost, not the run
            traceback.print_exc(file=sys.stderr)
            self.close()
            return unit.failed(RAISED, f"{type(error).__name__}: {error}")
        return replace(result, task=unit.name, index=unit.index, attempt=unit.attempt)

    def close(self) -> None:
        """Free worlds and policies."""
        while self._runners:
            self._runners.popitem()[1].close()

    def _ready(self, unit: Unit) -> Any:
        what = (unit.task, unit.choice, unit.benchmark, unit.latency)
        runner = self._runners.pop(what, None)
        if runner is None:
            while len(self._runners) >= KEPT:
                self._runners.pop(next(iter(self._runners))).close()
            runner = _make_runner(unit)
        self._runners[what] = runner
        return runner


def _make_runner(unit: Unit) -> Any:
    from strands_robots.evaluation.benchmarks.catalogue import load_benchmark
    from strands_robots.evaluation.benchmarks.episodes import BenchmarkEpisodes
    from strands_robots.evaluation.episode import EpisodeRunner
    from strands_robots.evaluation.task import load_task
    from strands_robots.evaluation.training.trial import TrainingTrial

    if unit.is_training:
        return TrainingTrial(json.loads(unit.task))
    if unit.benchmark:
        return BenchmarkEpisodes(load_benchmark(unit.benchmark), json.loads(unit.task), unit.choice)
    return EpisodeRunner(load_task(unit.task), unit.choice, latency=unit.latency)


def died(unit: Unit, exit_code: int | None) -> EpisodeResult:
    """Return the result of an episode whose worker ended under it."""
    how = f"signal {-exit_code}" if exit_code is not None and exit_code < 0 else f"exit code {exit_code}"
    return unit.failed(WORKER_DIED, f"the worker's process ended with {how}")

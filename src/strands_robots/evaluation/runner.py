"""Many episodes of a task at once, and what they say about a policy. Needs MuJoCo; no ROS."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from strands_robots.core.errors import ConfigurationError
from strands_robots.evaluation.collect.choose import make_collector
from strands_robots.evaluation.collect.unit import Unit
from strands_robots.evaluation.digests import results_digest
from strands_robots.evaluation.episode_result import EpisodeResult, PolicyChoice
from strands_robots.evaluation.floors import resolve
from strands_robots.evaluation.run_record import policy_identity, run_record, task_identity
from strands_robots.evaluation.run_units import UnitRun
from strands_robots.evaluation.statistics import wilson_interval
from strands_robots.evaluation.task import TaskConfig, load_task
from strands_robots.evaluation.video_file import video_suffix

MAX_EPISODES = 10_000


@dataclass(frozen=True)
class EvaluationConfig:
    """What is evaluated.

    Attributes:
        task: Task: name, path or YAML.
        choice: The policy.
        episodes: How many.
        seed: Of the first episode; the others count up.
        workers: Episodes at once; 0 takes one for each core.
        output_folder: For results.jsonl, results.json and videos; None writes nothing.
        failure_videos: Most videos of episodes that failed.
        is_resumed: Go on with the results.jsonl that is in the folder.
        on: Where episodes run: empty for processes of this machine, else as `collect.choose` says.
        latency: Time that passes in the world for each inference [s], see `latency`.
    """

    task: str
    choice: PolicyChoice
    episodes: int = 20
    seed: int = 0
    workers: int = 0
    output_folder: Path | None = None
    failure_videos: int = 0
    is_resumed: bool = False
    on: str = ""
    latency: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.episodes <= MAX_EPISODES:
            raise ConfigurationError(f"{self.episodes} episodes were asked for; valid: 1 to {MAX_EPISODES}")
        if self.failure_videos and self.output_folder is None:
            raise ConfigurationError("videos of failures need a folder; valid: an output folder, or 0 videos")
        if self.is_resumed and self.output_folder is None:
            raise ConfigurationError("there is nothing to resume without a folder; valid: the output folder of a run")


@dataclass
class Evaluation:
    """What the episodes gave, in the order of their seeds."""

    task: TaskConfig
    config: EvaluationConfig
    results: list[EpisodeResult] = field(default_factory=list)
    elapsed: float = 0.0

    @property
    def successes(self) -> int:
        """Episodes that succeeded."""
        return sum(result.success for result in self.results)

    @property
    def errors(self) -> int:
        """Episodes that could not be judged."""
        return sum(result.is_error for result in self.results)

    @property
    def rate(self) -> float:
        """Success rate over all episodes, errors counted as not succeeded; 0 when none ran."""
        return self.successes / len(self.results) if self.results else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of the success rate."""
        return wilson_interval(self.successes, len(self.results))

    def summary(self) -> str:
        """Return the outcome in one line."""
        what = f"{self.task.name} with {self.config.choice.policy}"
        return f"{what}: {rate_text(self.successes, len(self.results), self.errors)}"

    def to_dict(self) -> dict[str, Any]:
        """Return everything by name."""
        choice = self.config.choice
        judged = len(self.results) - self.errors
        return {
            "task": self.task.model_dump(mode="json", by_alias=True),
            "policy": {"name": choice.policy, "config": choice.config, "adapter": choice.adapter},
            "first_seed": self.config.seed,
            "episodes": len(self.results),
            "successes": self.successes,
            "success_rate": self.rate,
            "interval_95": list(self.interval),
            "errors": self.errors,
            "success_rate_without_errors": self.successes / judged if judged else 0.0,
            "digest": results_digest(self.results),
            "elapsed": round(self.elapsed, 2),
            "results": [result.to_dict() for result in self.results],
        }


def rate_text(successes: int, episodes: int, errors: int) -> str:
    """Return counts as words: the rate with its interval, and the rate without errors where there were some."""
    lower, upper = wilson_interval(successes, episodes)
    rate = successes / episodes if episodes else 0.0
    text = (
        f"{successes} of {episodes} succeeded, {100.0 * rate:.1f} % (95 % interval {100.0 * lower:.1f} to "
        f"{100.0 * upper:.1f} %)"
    )
    if not errors:
        return text
    judged = episodes - errors
    without = f"{successes} of {judged}, {100.0 * successes / judged:.1f} %" if judged else "none is left"
    return f"{text}; {errors} could not be judged, without them {without}"


def evaluate(
    config: EvaluationConfig,
    on_result: Callable[[EpisodeResult], None] = lambda result: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Evaluation:
    """Run the episodes and return what they gave.

    The results depend on the seeds only, not on the number of workers. With a folder each episode is on the disk before the
    next one counts; results.json is written at the end.

    Args:
        config: What is evaluated.
        on_result: Told each result as it comes.
        is_cancelled: Asked all the time; True ends the workers, and what is done is returned.

    Raises:
        StrandsRobotsError: If the task or the policy cannot be used, or nothing works any more; see `UnitRun`.
    """
    begin = time.monotonic()
    task = load_task(config.task)
    config = replace(config, choice=resolve(config.choice, task))
    evaluation = Evaluation(task, config)
    tasks = {evaluation.task.name: {**task_identity(evaluation.task), "policy": policy_identity(config.choice)}}
    record = run_record(tasks, {"episodes": config.episodes, "first_seed": config.seed, "latency": config.latency})
    collector = make_collector(config.on, worker_count(config.workers, config.episodes))
    run = UnitRun(
        units_of(evaluation.task, config), record, collector, config.output_folder, is_resumed=config.is_resumed,
        failure_videos=config.failure_videos,
    )  # fmt: skip
    evaluation.results = run.run(on_result, is_cancelled)
    evaluation.elapsed = time.monotonic() - begin
    if config.output_folder is not None:
        text = json.dumps(evaluation.to_dict(), indent=1)
        (config.output_folder / "results.json").write_text(text + "\n", encoding="utf-8")
    return evaluation


def units_of(task: TaskConfig, config: EvaluationConfig) -> list[Unit]:
    """Return the episodes of an evaluation; the index of the initial state is the seed."""
    text = yaml.safe_dump(task.model_dump(mode="json", by_alias=True), sort_keys=False)
    videos = config.output_folder / "videos" if config.output_folder is not None and config.failure_videos else None
    return [
        Unit(
            task.name, text, config.choice, seed, seed,
            str(videos / f"episode_{seed}{video_suffix()}") if videos is not None else "", latency=config.latency,
        )
        for seed in range(config.seed, config.seed + config.episodes)
    ]  # fmt: skip


def worker_count(wanted: int, episodes: int) -> int:
    """Return how many episodes run at once; 0 wanted is one for each core."""
    return min(wanted or len(os.sched_getaffinity(0)), episodes)

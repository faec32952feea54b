"""Many episodes in parallel processes, and what they say about a policy. Needs MuJoCo; no ROS."""

from __future__ import annotations

import json
import multiprocessing
import os
import queue
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError, PolicyError, StrandsRobotsError
from strands_robots.evaluation.episode import EpisodeResult, EpisodeRunner, PolicyChoice
from strands_robots.evaluation.statistics import wilson_interval
from strands_robots.evaluation.task import TaskConfig, load_task
from strands_robots.evaluation.video_file import video_suffix

MAX_EPISODES = 10_000
_POLL = 0.1  # [s]


@dataclass(frozen=True)
class EvaluationConfig:
    """What is evaluated.

    Attributes:
        task: Task: name, path or YAML.
        choice: The policy.
        episodes: How many.
        seed: Of the first episode; the others count up.
        workers: Processes at once; 0 takes one for each core.
        output_folder: For results.json and videos; None writes nothing.
        failure_videos: Most videos of episodes that failed.
    """

    task: str
    choice: PolicyChoice
    episodes: int = 20
    seed: int = 0
    workers: int = 0
    output_folder: Path | None = None
    failure_videos: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.episodes <= MAX_EPISODES:
            raise ConfigurationError(f"{self.episodes} episodes were asked for; valid: 1 to {MAX_EPISODES}")
        if self.failure_videos and self.output_folder is None:
            raise ConfigurationError("videos of failures need a folder; valid: an output folder, or 0 videos")


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
    def rate(self) -> float:
        """Success rate; 0 when none ran."""
        return self.successes / len(self.results) if self.results else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of the success rate."""
        return wilson_interval(self.successes, len(self.results))

    def summary(self) -> str:
        """Return the outcome in one line."""
        lower, upper = self.interval
        return (
            f"{self.task.name} with {self.config.choice.policy}: {self.successes} of {len(self.results)} succeeded, "
            f"{100.0 * self.rate:.1f} % (95 % interval {100.0 * lower:.1f} to {100.0 * upper:.1f} %)"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything by name."""
        choice = self.config.choice
        return {
            "task": self.task.model_dump(mode="json", by_alias=True),
            "policy": {"name": choice.policy, "config": choice.config, "adapter": choice.adapter},
            "first_seed": self.config.seed,
            "episodes": len(self.results),
            "successes": self.successes,
            "success_rate": self.rate,
            "interval_95": list(self.interval),
            "elapsed": round(self.elapsed, 2),
            "results": [result.to_dict() for result in self.results],
        }


def evaluate(
    config: EvaluationConfig,
    on_result: Callable[[EpisodeResult], None] = lambda result: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Evaluation:
    """Run the episodes and return what they gave; results.json is written where a folder is given.

    The results depend on the seeds only, not on the number of workers.

    Args:
        config: What is evaluated.
        on_result: Told each result as it comes.
        is_cancelled: Asked all the time; True ends the workers, and what is done is returned.

    Raises:
        StrandsRobotsError: If the task or the policy cannot be used, or a worker dies.
    """
    begin = time.monotonic()
    evaluation = Evaluation(load_task(config.task), config)
    count = min(config.workers or len(os.sched_getaffinity(0)), config.episodes)
    context = multiprocessing.get_context("spawn")
    seeds, answers = context.Queue(), context.Queue()
    videos = _video_seeds(config)
    for seed in range(config.seed, config.seed + config.episodes):
        seeds.put((seed, videos.get(seed)))
    for _ in range(count):
        seeds.put(None)
    workers = [
        context.Process(target=_work, args=(config.task, config.choice, seeds, answers), daemon=False)
        for _ in range(count)
    ]
    for worker in workers:
        worker.start()
    try:
        _collect(evaluation, config, workers, answers, on_result, is_cancelled)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join()
    evaluation.results.sort(key=lambda result: result.seed)
    evaluation.elapsed = time.monotonic() - begin
    if config.output_folder is not None:
        _write(evaluation, config.output_folder)
    return evaluation


def _collect(
    evaluation: Evaluation,
    config: EvaluationConfig,
    workers: list[Any],
    answers: Any,
    on_result: Callable[[EpisodeResult], None],
    is_cancelled: Callable[[], bool],
) -> None:
    videos = 0
    while len(evaluation.results) < config.episodes and not is_cancelled():
        try:
            answer = answers.get(timeout=_POLL)
        except queue.Empty:
            dead = [worker for worker in workers if worker.exitcode not in (None, 0)]
            if dead:
                raise PolicyError(f"a worker of the evaluation ended with exit code {dead[0].exitcode}") from None
            continue
        if isinstance(answer, str):
            raise PolicyError(answer)
        if answer.video:
            videos += 1
            if videos > config.failure_videos:  # workers film ahead of knowing how many others failed
                Path(answer.video).unlink()
                answer = EpisodeResult(**{**answer.to_dict(), "video": ""})
        evaluation.results.append(answer)
        on_result(answer)


def _video_seeds(config: EvaluationConfig) -> dict[int, Path]:
    if not config.failure_videos or config.output_folder is None:
        return {}
    seeds = range(config.seed, config.seed + config.episodes)
    return {seed: config.output_folder / "videos" / f"episode_{seed}{video_suffix()}" for seed in seeds}


def _work(task: str, choice: PolicyChoice, seeds: Any, answers: Any) -> None:
    """Body of a worker process."""
    try:
        runner = EpisodeRunner(load_task(task), choice)
        while (entry := seeds.get()) is not None:
            seed, video = entry
            result = runner.run(seed, video)
            if result.reason == "refused":
                answers.put(f"episode {seed}: {result.message}")
                return
            answers.put(result)
        runner.close()
    except StrandsRobotsError as error:
        answers.put(str(error))


def _write(evaluation: Evaluation, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(evaluation.to_dict(), indent=1) + "\n", encoding="utf-8")

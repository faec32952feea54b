"""Suites: several tasks that are evaluated together, as YAML in config/suites. Needs MuJoCo to run; no ROS."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.named_config import load_named
from strands_robots.core.share import config_names
from strands_robots.evaluation.collect.choose import make_collector
from strands_robots.evaluation.digests import results_digest
from strands_robots.evaluation.episode_result import EpisodeResult
from strands_robots.evaluation.floors import resolve
from strands_robots.evaluation.run_record import policy_identity, run_record, task_identity
from strands_robots.evaluation.run_units import UnitRun
from strands_robots.evaluation.runner import EvaluationConfig, units_of, worker_count
from strands_robots.evaluation.task import load_task


class SuiteConfig(BaseModel):
    """Tasks that are evaluated together.

    Attributes:
        name: Its name.
        tasks: Names or files of the tasks.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    tasks: Annotated[tuple[str, ...], Field(min_length=1, max_length=256)]


@dataclass
class SuiteResults:
    """What the episodes gave, in the order of task and seed."""

    results: list[EpisodeResult]
    elapsed: float


def is_suite(given: str) -> bool:
    """Return whether a word names a suite that comes with the package, or a YAML file with a list of tasks."""
    path = Path(given).expanduser()
    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        return given in config_names("suites")
    try:
        return "tasks" in (yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (yaml.YAMLError, TypeError):
        return False


def load_suite(given: str) -> SuiteConfig:
    """Return a suite by its name, or from a YAML file.

    Raises:
        ConfigurationError: If it is not valid; the message has every field that is wrong.
    """
    return load_named("suite", SuiteConfig, given)


def evaluate_suite(
    suite: SuiteConfig, config: EvaluationConfig, on_result: Callable[[EpisodeResult], None] = lambda result: None
) -> SuiteResults:
    """Run the episodes of every task and return what they gave.

    Args:
        suite: The tasks.
        config: The policy and the number of episodes of each task; its task is not used.
        on_result: Told each result as it comes.

    Raises:
        StrandsRobotsError: If a task or the policy cannot be used; see `UnitRun`.
    """
    begin = time.monotonic()
    tasks: dict[str, dict[str, Any]] = {}
    units = []
    for given in suite.tasks:
        task = load_task(given)
        own = replace(config, choice=resolve(config.choice, task), output_folder=_folder(config, task.name))
        if task.name in tasks:
            raise ConfigurationError(f"suite '{suite.name}' has task '{task.name}' twice; valid: each once")
        tasks[task.name] = {**task_identity(task), "policy": policy_identity(own.choice)}
        units += units_of(task, own)
    about = {"suite": suite.name, "episodes": config.episodes, "first_seed": config.seed, "latency": config.latency}
    run = UnitRun(
        units, run_record(tasks, about), make_collector(config.on, worker_count(config.workers, len(units))),
        config.output_folder, is_resumed=config.is_resumed, failure_videos=config.failure_videos,
    )  # fmt: skip
    results = run.run(on_result)
    done = SuiteResults(results, time.monotonic() - begin)
    if config.output_folder is not None:
        _write(suite, done, config.output_folder)
    return done


def _folder(config: EvaluationConfig, task: str) -> Path | None:
    """Return where a task's videos go."""
    return config.output_folder / task if config.output_folder is not None else None


def _write(suite: SuiteConfig, done: SuiteResults, folder: Path) -> None:
    summary = {
        "suite": suite.name,
        "episodes": len(done.results),
        "successes": sum(one.success for one in done.results),
        "errors": sum(one.is_error for one in done.results),
        "digest": results_digest(done.results),
        "elapsed": round(done.elapsed, 2),
        "results": [one.to_dict() for one in done.results],
    }
    (folder / "results.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")

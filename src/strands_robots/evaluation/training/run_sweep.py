"""Runs a sweep: trains every combination on the pool, tries every policy on the same episodes, and says which is best."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset.table import require_schema
from strands_robots.evaluation.collect.choose import make_collector
from strands_robots.evaluation.collect.unit import Unit
from strands_robots.evaluation.compare.comparison import Comparison, compare
from strands_robots.evaluation.compare.outcomes import Outcomes, outcome_of
from strands_robots.evaluation.episode_result import EpisodeResult, PolicyChoice
from strands_robots.evaluation.run_record import run_record
from strands_robots.evaluation.run_units import UnitRun
from strands_robots.evaluation.runner import Evaluation, EvaluationConfig, evaluate, worker_count
from strands_robots.evaluation.training.sweep_config import SweepConfig, TrialEvaluation
from strands_robots.evaluation.training.trial import trained_policy
from strands_robots.policies.adapt.dataset_adapter import adapter_text

TRAINING = "train"
"""Provider's name in the units of a sweep."""


@dataclass
class Trial:
    """One run.

    Attributes:
        name: Its name, "trial_000".
        varied: Its values of the varied options.
        trained: How the training ended.
        evaluation: What its policy did; None without evaluation, or where the training failed.
    """

    name: str
    varied: dict[str, Any]
    trained: EpisodeResult
    evaluation: Evaluation | None = None


@dataclass
class SweepResults:
    """What a sweep gave: the trials, best first, and the best one against each other one on the same episodes."""

    trials: list[Trial]
    against_best: dict[str, Comparison]


def run_sweep(
    config: SweepConfig, folder: Path, workers: int = 1, on: str = "", *, is_resumed: bool = False,
    tell: Callable[[str], None] = lambda line: None, trainer: tuple[str, ...] = (),
) -> SweepResults:  # fmt: skip
    """Train and try every combination.

    Each run is kept in results.jsonl; a resumed sweep skips what is trained, and a run that was cut off goes on from its checkpoint.

    Args:
        config: The sweep.
        folder: Where everything goes; on Ray a folder that all machines share.
        workers: Trainings at once.
        on: Where they run, see `collect.choose`.
        is_resumed: Go on with what is in the folder.
        tell: Takes lines of progress.
        trainer: Words that start the trainer; LeRobot's by default.

    Raises:
        StrandsRobotsError: If the sweep cannot be run.
    """
    folder = folder.absolute()
    varied = config.trials()
    names = [f"trial_{number:03d}" for number in range(len(varied))]
    units = [_unit(config, folder / name, name, values, trainer) for name, values in zip(names, varied)]
    about = {name: {"options": {**config.options, **values}} for name, values in zip(names, varied)}
    collector = make_collector(on, worker_count(workers, len(units)))
    run = UnitRun(units, run_record(about, {"sweep": config.name}), collector, folder, is_resumed=is_resumed)
    done = {one.task: one for one in run.run(lambda one: tell(f"{one.task}: {one.reason}: {one.message}"))}
    trials = [Trial(name, values, done[name]) for name, values in zip(names, varied) if name in done]
    if config.evaluate is not None:
        adapter = _adapter(config)
        for trial in trials:
            if trial.trained.success:
                trial.evaluation = _try(config.evaluate, folder / trial.name, adapter, workers)
                tell(f"{trial.name}: {trial.evaluation.summary()}")
    return _ranked(trials)


def _unit(config: SweepConfig, folder: Path, name: str, values: dict[str, Any], trainer: tuple[str, ...]) -> Unit:
    given = {"folder": str(folder), "options": {**config.options, **values}, "trainer": list(trainer)}
    return Unit(name, json.dumps(given), PolicyChoice(TRAINING), 0, 0, is_training=True)


def _adapter(config: SweepConfig) -> str:
    """Return the adapter of the policies, made of the dataset where none is given."""
    assert config.evaluate is not None
    if config.evaluate.adapter:
        return config.evaluate.adapter
    root = config.options.get("dataset.root")
    if not root:
        raise ConfigurationError("policies need an adapter; valid: evaluate.adapter, or dataset.root in the options")
    return adapter_text(require_schema(Path(str(root)).expanduser()))


def _try(plan: TrialEvaluation, folder: Path, adapter: str, workers: int) -> Evaluation:
    settings = json.dumps({"path": str(trained_policy(folder)), "device": plan.device})
    choice = PolicyChoice("lerobot", settings, adapter)
    return evaluate(
        EvaluationConfig(
            plan.task, choice, plan.episodes, plan.seed, workers, folder / "evaluation",
            is_resumed=(folder / "evaluation" / "results.jsonl").is_file(),
        )
    )  # fmt: skip


def _ranked(trials: list[Trial]) -> SweepResults:
    tried = [trial for trial in trials if trial.evaluation is not None]
    order = sorted(tried, key=lambda trial: -trial.evaluation.rate if trial.evaluation is not None else 0.0)
    others = [trial for trial in trials if trial.evaluation is None]
    against = {one.name: compare(_outcomes(order[0]), _outcomes(one)) for one in order[1:]}
    return SweepResults([*order, *others], against)


def _outcomes(trial: Trial) -> Outcomes:
    assert trial.evaluation is not None
    return Outcomes(trial.name, {one.key: outcome_of(one) for one in trial.evaluation.results})

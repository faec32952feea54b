"""Runs two policies on the same episodes, pair by pair, and stops as soon as the evidence is enough. Needs MuJoCo; no ROS."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from strands_robots.core.errors import ConfigurationError, PolicyError
from strands_robots.core.share import config_text
from strands_robots.evaluation.collect.choose import make_collector
from strands_robots.evaluation.compare.comparison import Comparison, compare
from strands_robots.evaluation.compare.outcomes import Outcomes, outcome_of
from strands_robots.evaluation.compare.tests import EarlyStop
from strands_robots.evaluation.episode_result import REFUSED, EpisodeResult, PolicyChoice
from strands_robots.evaluation.floors import resolve
from strands_robots.evaluation.results_file import ResultsFile
from strands_robots.evaluation.run_record import policy_identity, run_record, task_identity
from strands_robots.evaluation.run_units import ErrorStreak
from strands_robots.evaluation.runner import EvaluationConfig, units_of, worker_count
from strands_robots.evaluation.task import load_task

SIDES = ("a", "b")


@dataclass(frozen=True)
class LiveComparison:
    """What is compared.

    Attributes:
        task: Task: name, path or YAML.
        first, second: The policies; the first is what the second is held against.
        pairs: Most pairs.
        seed: Of the first pair; the others count up.
        alpha: Share of false alarms that is accepted.
        workers: Episodes at once; 0 takes one for each core.
        folder: For a/results.jsonl and b/results.jsonl, which a later run goes on with; None writes nothing.
        on: Where episodes run, see `collect.choose`.
    """

    task: str
    first: PolicyChoice
    second: PolicyChoice
    pairs: int = 200
    seed: int = 0
    alpha: float = 0.05
    workers: int = 0
    folder: Path | None = None
    on: str = ""


def read_choice(given: str) -> PolicyChoice:
    """Return a policy that was given as YAML, {policy: lerobot, config: {path: ...}, adapter: ...}, or as a file with it.

    Raises:
        ConfigurationError: If it is none.
    """
    text = config_text("policy", "policies", given) if ":" in given or given.endswith((".yaml", ".yml")) else given
    valid = "valid: {policy: NAME, config: {...}, adapter: NAME}, a YAML file with it, or the name alone"
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"a policy is not YAML ({' '.join(str(error).split())}); {valid}") from error
    if isinstance(value, str):
        return PolicyChoice(value)
    if not isinstance(value, dict) or "policy" not in value or set(value) - {"policy", "config", "adapter"}:
        raise ConfigurationError(f"a policy is {ascii(given)[:120]}; {valid}")
    config, adapter = value.get("config", ""), value.get("adapter", "")
    as_text = [one if isinstance(one, str) else yaml.safe_dump(one, sort_keys=False) for one in (config, adapter)]
    return PolicyChoice(str(value["policy"]), *as_text)


class PairFeed:
    """Takes results in any order and gives whole pairs, in their order, to the early stop: the verdict does not depend on timing.

    Args:
        keys: The pairs, in order.
        alpha: See `EarlyStop`.
    """

    def __init__(self, keys: list[int], alpha: float) -> None:
        self.early = EarlyStop(alpha)
        self.taken: list[int] = []
        self.results: dict[tuple[str, int], EpisodeResult] = {}
        self._keys = list(keys)

    def take(self, side: str, result: EpisodeResult) -> None:
        """Take one result of a side."""
        self.results[side, result.index] = result
        while self._keys and not self.early.verdict and all((side, self._keys[0]) in self.results for side in SIDES):
            index = self._keys.pop(0)
            self.taken.append(index)
            one, other = (outcome_of(self.results[side, index]) for side in SIDES)
            if one.is_judged and other.is_judged:
                self.early.take(one.success, other.success)


def compare_live(
    config: LiveComparison, on_result: Callable[[EpisodeResult], None] = lambda result: None
) -> Comparison:
    """Run pairs until the evidence is enough, or `config.pairs` have run, and return what they say.

    Raises:
        StrandsRobotsError: If task, policies or folder cannot be used.
    """
    task = load_task(config.task)
    sides = dict(zip(SIDES, (resolve(config.first, task), resolve(config.second, task))))
    seeds = list(range(config.seed, config.seed + config.pairs))
    feed = PairFeed(seeds, config.alpha)
    plans = {
        side: units_of(task, EvaluationConfig(config.task, choice, config.pairs, config.seed))
        for side, choice in sides.items()
    }
    identity = task_identity(task)
    refused: list[str] = []
    streak = ErrorStreak()
    with ExitStack() as stack:
        files: dict[str, ResultsFile] = {}
        for side, choice in sides.items():
            about: dict[str, Any] = {"episodes": config.pairs, "first_seed": config.seed}
            record = run_record({task.name: {**identity, "policy": policy_identity(choice)}}, about)
            if config.folder is not None:
                file = stack.enter_context(ResultsFile(config.folder / side, record, is_resumed=True))
                files[side] = file
                for result in file.done.values():
                    feed.take(side, result)
        left = [
            replace(unit, name=f"{side}/{unit.name}")
            for pair in zip(*(plans[side] for side in SIDES))
            for side, unit in zip(SIDES, pair)
            if (side, unit.index) not in feed.results
        ]

        def take(result: EpisodeResult) -> None:
            side, _, name = result.task.partition("/")
            if not feed.results and result.reason == REFUSED:
                refused.append(result.message)
            plain = replace(result, task=name)
            feed.take(side, plain)
            if side in files:
                files[side].append(plain)
            streak.take(result)
            on_result(result)

        if left and not feed.early.verdict:
            collector = make_collector(config.on, worker_count(config.workers, len(left)))
            collector.collect(left, take, lambda: bool(feed.early.verdict or refused or streak.is_too_long))
    if refused or streak.is_too_long:
        raise PolicyError(refused[0] if refused else streak.message)
    names = dict(zip(SIDES, (f"a ({config.first.policy})", f"b ({config.second.policy})")))
    first, second = (
        Outcomes(names[side], {(task.name, index): outcome_of(feed.results[side, index]) for index in feed.taken})
        for side in SIDES
    )
    return compare(first, second, config.alpha, is_sequential=True)

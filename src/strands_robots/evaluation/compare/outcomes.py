"""Outcomes of episodes from results of ours, of lerobot-eval (eval_info.json) and of vla-eval (*_aggregate.json). Reads files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.evaluation.episode_result import PREMISE_FAILED, WORKER_DIED, EpisodeResult
from strands_robots.evaluation.results_file import NAME, read_results

_NOT_THE_POLICY = frozenset({WORKER_DIED, PREMISE_FAILED, "world_failed", "observation_lost", "cancelled", "stopped"})
_VALID = f"valid: {NAME} of evaluate, eval_info.json of lerobot-eval, or the aggregate JSON of vla-eval"


@dataclass(frozen=True)
class Outcome:
    """What became of one episode.

    Attributes:
        success: Whether it succeeded.
        is_judged: False when the machine, the world or the premise failed, which says nothing about the policy.
        seed: Its seed; None when the file does not say.
        start: Digest of the state at the start; empty when the file does not say.
    """

    success: bool
    is_judged: bool = True
    seed: int | None = None
    start: str = ""


@dataclass(frozen=True)
class Outcomes:
    """The outcomes of one policy.

    Attributes:
        name: What to call it.
        episodes: By task and index.
        is_positional: True when the index is only the place in a list, so that pairs are the same episodes by trust alone.
    """

    name: str
    episodes: Mapping[tuple[str, int], Outcome] = field(default_factory=dict)
    is_positional: bool = False


def outcome_of(result: EpisodeResult) -> Outcome:
    """Return an episode of ours as an outcome; a policy that raised has not succeeded."""
    return Outcome(result.success, result.reason not in _NOT_THE_POLICY, result.seed, result.start_digest)


def read_outcomes(path: Path) -> Outcomes:
    """Return the outcomes in a file, or in a folder that has a results.jsonl or an eval_info.json.

    Raises:
        ConfigurationError: If it is not there, or none of the formats.
    """
    path = path.expanduser()
    if path.is_dir():
        path = next((path / name for name in (NAME, "eval_info.json") if (path / name).is_file()), path / NAME)
    if path.suffix == ".jsonl":
        recorded = read_results(path)
        return Outcomes(str(path), {key: outcome_of(result) for key, result in recorded.results.items()})
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}); {_VALID}") from error
    except ValueError as error:
        raise ConfigurationError(f"{path} is not JSON ({error}); {_VALID}") from error
    try:
        if "per_task" in given:
            return Outcomes(str(path), _from_lerobot(given), is_positional=True)
        if "harness_version" in given and "tasks" in given:
            return Outcomes(str(path), _from_vla_eval(given), is_positional=True)
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{path} lacks {error}; {_VALID}") from error
    raise ConfigurationError(f"{path} is of no known format; {_VALID}")


def _from_lerobot(given: Mapping[str, Any]) -> dict[tuple[str, int], Outcome]:
    """Return the episodes of eval_info.json, which lists successes by task and drops the seeds."""
    return {
        (f"{task['task_group']}/{task['task_id']}", index): Outcome(bool(success))
        for task in given["per_task"]
        for index, success in enumerate(task["metrics"]["successes"])
    }


def _from_vla_eval(given: Mapping[str, Any]) -> dict[tuple[str, int], Outcome]:
    """Return the episodes of an aggregate; one with a failure_reason could not be judged."""
    return {
        (task["task"], int(episode["episode_id"])): Outcome(
            bool(episode["metrics"].get("success", False)), not episode.get("failure_reason")
        )
        for task in given["tasks"]
        for episode in task["episodes"]
    }

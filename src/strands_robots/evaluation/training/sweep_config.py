"""A sweep of training runs as data. Read from YAML.

name: act_rate
options: {dataset.root: data/lift, dataset.repo_id: local/lift, policy.type: act, steps: 2000}
vary: {optimizer.lr: [1.0e-4, 5.0e-4], policy.chunk_size: [10, 20]}
evaluate: {task: lift_cube, episodes: 50}
"""

from __future__ import annotations

import itertools
import json
from typing import Annotated, Any

from pydantic import Field, field_validator

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.named_config import load_named
from strands_robots.core.strict_model import StrictModel

MAX_TRIALS = 1000
OURS = ("output_dir", "config_path", "resume", "job_name")
"""Options that the sweep itself gives."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Option = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{0,127}$")]


class TrialEvaluation(StrictModel):
    """How each trained policy is tried.

    Attributes:
        task: Task: a name or a YAML file.
        episodes: Episodes of each policy, the same ones for all.
        seed: Of the first episode.
        adapter: Adapter; empty for that of the dataset.
        device: Where the policy runs.
    """

    task: str
    episodes: Annotated[int, Field(ge=1, le=10_000)] = 20
    seed: Annotated[int, Field(ge=0)] = 0
    adapter: str = ""
    device: str = "cpu"


class SweepConfig(StrictModel):
    """Training runs.

    Attributes:
        name: Its name.
        options: Options of lerobot-train that all runs have, without dashes.
        vary: For each option the values that are tried; every combination is one run.
        evaluate: How the policies are tried afterwards; None only trains.
    """

    name: Name
    options: dict[Option, Any]
    vary: Annotated[dict[Option, Annotated[list[Any], Field(min_length=1)]], Field(min_length=1)]
    evaluate: TrialEvaluation | None = None

    @field_validator("options", "vary")
    @classmethod
    def _none_of_ours(cls, given: dict[str, Any]) -> dict[str, Any]:
        taken = [name for name in given if name in OURS]
        if taken:
            raise ValueError(f"{', '.join(taken)}: the sweep gives these itself; valid: other options")
        return given

    def trials(self) -> list[dict[str, Any]]:
        """Return what is varied for each run: every combination, the last option fastest.

        Raises:
            ConfigurationError: If there are too many, or an option is both fixed and varied.
        """
        both = sorted(set(self.options) & set(self.vary))
        if both:
            raise ConfigurationError(f"{', '.join(both)} is fixed and varied; valid: one of them")
        made = [dict(zip(self.vary, values)) for values in itertools.product(*self.vary.values())]
        if len(made) > MAX_TRIALS:
            raise ConfigurationError(f"the sweep has {len(made)} runs; valid: up to {MAX_TRIALS}")
        return made


def load_sweep(given: str) -> SweepConfig:
    """Return a sweep from a YAML file or from YAML.

    Raises:
        ConfigurationError: If it is not valid; the message has every field that is wrong.
    """
    return load_named("sweep", SweepConfig, given)


def option_words(options: dict[str, Any]) -> list[str]:
    """Return options as words of lerobot-train's command line."""
    return [f"--{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in options.items()]

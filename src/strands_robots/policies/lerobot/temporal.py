"""What a checkpoint says of time, and what becomes of it here: rows, history, ensembling, real-time chunking, the rate of its data.

What is not used is said in a note; what cannot be played as it was trained is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from strands_robots.core.errors import AdapterError, ConfigurationError
from strands_robots.core.text import printable
from strands_robots.motion.ensemble import COEFFICIENT
from strands_robots.policies.lerobot.checkpoint import TRAINING, broken

RATE_TOLERANCE = 0.01


def horizon(config: Any) -> int:
    """Return the rows of one chunk; 0 when the configuration does not say."""
    if config.type == "tdmpc":
        return int(config.horizon)
    for name in ("chunk_size", "action_chunk_size", "action_horizon"):
        if getattr(config, name, None):
            return int(getattr(config, name))
    return int(getattr(config, "n_action_steps", 0) or 0)


def history(config: Any) -> int:
    """Return how many observations the policy is asked with; kinds whose indices do not say n_obs_steps look at the present only."""
    steps = int(getattr(config, "n_obs_steps", 1) or 1)
    return steps if len(_indices(config, "observation_delta_indices")) == steps else 1


def check_spacing(config: Any, folder: Path | str) -> None:
    """Return if observations and actions are one row apart, as they are given and played here.

    Raises:
        ConfigurationError: If not; the message has the indices.
    """
    seen = _indices(config, "observation_delta_indices") if history(config) > 1 else []
    if seen and seen[-1] != 0:
        raise broken(
            folder, f"its last observation is {seen[-1]} rows from the present", "a policy that sees the present"
        )
    for what, indices in (("observations", seen), ("actions", _indices(config, "action_delta_indices"))):
        if {b - a for a, b in pairwise(indices)} - {1}:
            raise broken(
                folder, f"its {what} are {', '.join(map(str, indices[:8]))} ... rows from the present, not one row apart",
                "a policy whose observations and actions follow each other row by row",
            )  # fmt: skip
    repeats = int(getattr(config, "n_action_repeats", 1) or 1)
    if repeats > 1:
        raise broken(
            folder, f"n_action_repeats is {repeats}: each action would be held for several rows", "n_action_repeats 1"
        )


def notes_of(config: Any, *, rtc_horizon: int, saved_rtc: Any) -> list[str]:
    """Return what the checkpoint says of time and is not used here.

    Args:
        config: LeRobot's configuration of the policy.
        rtc_horizon: Rows of real-time chunking that were asked for; 0 for none.
        saved_rtc: The checkpoint's own settings of it; None for none.
    """
    notes = []
    rows, steps = horizon(config), int(getattr(config, "n_action_steps", 0) or 0)
    if getattr(config, "temporal_ensemble_coeff", None) is not None:
        notes.append(
            f"temporal_ensemble_coeff {config.temporal_ensemble_coeff:g} is not used; the goal's blending 'ensemble' averages with "
            f"{COEFFICIENT:g}"
        )
    elif steps and steps != rows:
        notes.append(
            f"n_action_steps {steps} is not used: a chunk has {rows} rows, and the goal's execute_rows says after how many the policy is "
            f"asked again (0: half); execute_rows {steps} plays as lerobot does"
        )
    elif steps > 1:
        notes.append(
            f"n_action_steps {steps} is not used: the policy is asked again after half of a chunk; the goal's execute_rows says otherwise"
        )
    if saved_rtc is not None and getattr(saved_rtc, "enabled", False):
        if not rtc_horizon:
            notes.append(
                "rtc_config of the checkpoint is not used; rtc true in the policy's config turns real-time chunking on"
            )
        elif saved_rtc.execution_horizon != rtc_horizon:
            notes.append(
                f"execution_horizon {saved_rtc.execution_horizon} of the checkpoint's rtc_config is not used; rtc_horizon is {rtc_horizon}"
            )
    seen = int(getattr(config, "n_obs_steps", 1) or 1)
    if seen != history(config):
        notes.append(f"n_obs_steps {seen} is not used: lerobot's '{config.type}' looks at the present observation only")
    return notes


def _indices(config: Any, name: str) -> list[int]:
    return [int(index) for index in getattr(config, name, None) or ()]


@dataclass(frozen=True)
class TrainingData:
    """What is known of the data that a policy was trained on.

    Attributes:
        where: The dataset's folder.
        rate: Frames a second [Hz]; 0 when not known.
        names: Feature -> names of its elements, in order.
    """

    where: str = ""
    rate: float = 0.0
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def training_data(folder: Path, config: Any) -> TrainingData:
    """Return what the checkpoint, and the training's dataset where it is on this machine, say of the data."""
    dataset = _json(folder / TRAINING).get("dataset")
    dataset = dataset if isinstance(dataset, dict) else {}
    names: dict[str, tuple[str, ...]] = {}
    if _is_names(getattr(config, "action_feature_names", None)):
        names["action"] = tuple(config.action_feature_names)
    place = dataset.get("root") or (_home() / str(dataset["repo_id"]) if dataset.get("repo_id") else None)
    if not place:
        return TrainingData(names=names)
    info = _json(Path(str(place)).expanduser() / "meta" / "info.json")
    features, rate = info.get("features"), info.get("fps")
    for key in ("action", "observation.state"):
        entry = features.get(key) if isinstance(features, dict) else None
        if isinstance(entry, dict) and _is_names(entry.get("names")):
            names.setdefault(key, tuple(entry["names"]))
    return TrainingData(str(place), float(rate) if isinstance(rate, int | float) and rate > 0 else 0.0, names)


def _home() -> Path:
    from lerobot.utils.constants import HF_LEROBOT_HOME

    return Path(HF_LEROBOT_HOME)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(name, str) for name in value)


def check_order(kind: str, names: Sequence[str], trained: Sequence[str] | None) -> None:
    """Return if the elements have the order of the training data, or names of their own.

    Raises:
        AdapterError: If they are the same names in another order; the message has both lists.
    """
    if trained is not None and sorted(names) == sorted(trained) and list(names) != list(trained):
        raise AdapterError(
            f"{kind}: the policy was trained on [{', '.join(trained)}], the adapter has [{', '.join(names)}]; valid: the order of the "
            "training data"
        )


def check_rate(rate: float, trained: TrainingData) -> list[str]:
    """Return a note where the rate of the training data is not known.

    Args:
        rate: Rows a second with which the chunks will be played [Hz]; 0 when not known yet.
        trained: What is known of the data.

    Raises:
        ConfigurationError: If the two differ: the motion would be faster or slower than it was shown.
    """
    if trained.rate == 0.0:
        return [
            "the checkpoint does not say the rate of its training data: the adapter's rate must be that dataset's fps"
        ]
    if rate > 0.0 and abs(rate - trained.rate) > RATE_TOLERANCE * trained.rate:
        raise ConfigurationError(
            f"the policy was trained on {trained.rate:g} rows a second ({printable(trained.where)}) and would be played with "
            f"{rate:g}, {rate / trained.rate:.3g} times as fast; valid: rate {trained.rate:g} in adapter, config or goal"
        )
    return []


def _json(path: Path) -> dict[str, Any]:
    """Return a JSON object; nothing where there is none: these files are a training's memory, a policy runs without them."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}

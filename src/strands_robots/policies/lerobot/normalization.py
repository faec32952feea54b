"""The normalisation of a checkpoint: whether it happens for every feature that needs it, and with which numbers.

LeRobot passes a feature through untouched when the statistics have no entry for it. The policy then sees, or answers, numbers in other
units, and nothing says so. Here that is refused. Needs torch for nothing but reading tensors.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.policies.check.statistics import VectorStatistics
from strands_robots.policies.lerobot.checkpoint import POSTPROCESSOR, PREPROCESSOR, broken

ACTION, STATE = "action", "observation.state"
IDENTITY = "IDENTITY"
NEEDED = {
    "MEAN_STD": ("mean", "std"), "MIN_MAX": ("min", "max"), "QUANTILES": ("q01", "q99"), "QUANTILE10": ("q10", "q90"),
}  # fmt: skip
"""Mode -> the statistics that it reads, as in lerobot's processor/normalize_processor.py."""

SHOWN = 8


@dataclass(frozen=True)
class _Use:
    """One feature that one step normalises."""

    key: str
    shape: tuple[int, ...]
    mode: str
    step: Any
    file: str


def use_prefix(pipelines: Iterable[Any], prefix: str, folder: Path) -> None:
    """Have the statistics whose names begin with `prefix` be the statistics of the names without it.

    Raises:
        ConfigurationError: If none begins with it.
    """
    found = False
    for step in (step for pipeline in pipelines for step in _normalizers(pipeline)):
        tensors, plain = step._tensor_stats, step.stats or {}
        own = [key for key in tensors if key.startswith(prefix)]
        found = found or bool(own)
        for key in own:
            tensors[key.removeprefix(prefix)] = tensors[key]
            plain[key.removeprefix(prefix)] = plain.get(key, tensors[key])
    if not found:
        names = sorted({key for pipeline in pipelines for step in _normalizers(pipeline) for key in step._tensor_stats})
        raise broken(
            folder,
            f"no statistics begin with '{prefix}'; there are {', '.join(names[:SHOWN]) or 'none'}",
            "a prefix of these",
        )


def check_normalization(config: Any, preprocess: Any, postprocess: Any, folder: Path) -> None:
    """Return if every feature that is to be normalised is, with statistics that can be.

    Args:
        config: LeRobot's configuration of the policy.
        preprocess, postprocess: Its pipelines, loaded.
        folder: Folder of the checkpoint, for the message.

    Raises:
        ConfigurationError: If not; the message names what is missing.
    """
    uses, skipped = _uses(config, preprocess, postprocess)
    if skipped:
        raise broken(
            folder,
            f"normalisation would be skipped: {'; '.join(skipped)}",
            "processors and config.json of one training",
        )
    missing = [f"{use.key}.{name}" for use in uses for name in NEEDED.get(use.mode, ()) if name not in _entry(use)]
    if missing:
        missing = list(dict.fromkeys(missing))
        raise _missing(folder, missing, uses)
    problems = [problem for use in uses for problem in _malformed(use)]
    if problems:
        raise broken(
            folder, f"malformed statistics: {'; '.join(dict.fromkeys(problems[:SHOWN]))}",
            "the statistics of the training data, as LeRobot computes them",
        )  # fmt: skip


def vector_statistics(config: Any, preprocess: Any, postprocess: Any) -> dict[str, VectorStatistics]:
    """Return what the checkpoint says of its state and action vectors, as far as it does; after `check_normalization`.

    Actions relative to the state are left out: their statistics are not of joints.
    """
    found = {}
    for key, pipeline, features in (
        (STATE, preprocess, config.input_features), (ACTION, postprocess, config.output_features),
    ):  # fmt: skip
        feature = (features or {}).get(key)
        if feature is None or (key == ACTION and is_relative(preprocess)):
            continue
        size = int(feature.shape[0])
        for step in _normalizers(pipeline):
            entry = step._tensor_stats.get(key)
            if entry:
                vector = _vector({name: _numbers(value)[:size] for name, value in entry.items()}, _mode(step, feature))
                if len(vector) == size:
                    found[key] = vector
    return found


def still_elements(config: Any, preprocess: Any) -> list[int]:
    """Return the elements of the state that never changed in training: divided by nearly nothing, they would be huge when they do."""
    feature = (config.input_features or {}).get(STATE)
    for step in _normalizers(preprocess) if feature is not None else ():
        entry = step._tensor_stats.get(STATE, {})
        names = NEEDED.get(_mode(step, feature), ())
        if len(names) == 2 and all(name in entry for name in names):
            first, second = (_numbers(entry[name]) for name in names)
            spread = second if names[1] == "std" else second - first
            return [int(i) for i in np.flatnonzero(spread <= 0.0)]
    return []


def is_relative(preprocess: Any) -> bool:
    """Return whether the policy's actions are relative to its state."""
    return any(
        type(step).__name__ == "RelativeActionsProcessorStep" and getattr(step, "enabled", True)
        for step in preprocess.steps
    )


def _normalizers(pipeline: Any) -> Iterator[Any]:
    """Give the steps that normalise with statistics, LeRobot's and those derived from them."""
    return (step for step in pipeline.steps if hasattr(step, "_tensor_stats") and hasattr(step, "norm_map"))


def _mode(step: Any, feature: Any) -> str:
    mode = step.norm_map.get(feature.type)
    return IDENTITY if mode is None else str(mode.value)


def _wanted(config: Any, feature: Any) -> str:
    mapping = getattr(config, "normalization_mapping", None) or {}
    mode = mapping.get(feature.type.name, mapping.get(feature.type))
    return IDENTITY if mode is None else str(getattr(mode, "value", mode))


def _uses(config: Any, preprocess: Any, postprocess: Any) -> tuple[list[_Use], list[str]]:
    """Return what is normalised where, and what should be and is nowhere."""
    uses: list[_Use] = []
    skipped: list[str] = []
    for features, pipeline, file in (
        (config.input_features, preprocess, PREPROCESSOR), (config.output_features, postprocess, POSTPROCESSOR),
    ):  # fmt: skip
        for key, feature in (features or {}).items():
            own = [
                _Use(key, tuple(int(n) for n in feature.shape), _mode(step, feature), step, file)
                for step in _normalizers(pipeline)
                if _applies(step, key) and _mode(step, feature) != IDENTITY
            ]
            wanted = _wanted(config, feature)
            if not own and wanted != IDENTITY:
                skipped.append(f"{key} is {wanted} in config.json, and no step of {file} does it")
            uses += own
    return uses, skipped


def _applies(step: Any, key: str) -> bool:
    """Return whether a step takes a feature; actions it takes always."""
    only = getattr(step, "normalize_observation_keys", None)
    return key == ACTION or (key in step.features and (only is None or key in only))


def _entry(use: _Use) -> dict[str, Any]:
    entry: dict[str, Any] = use.step._tensor_stats.get(use.key) or {}
    return entry


def _missing(folder: Path, missing: list[str], uses: list[_Use]) -> Exception:
    """Return the error of statistics that are not there; where they are there under a longer name, with the remedy."""
    there = sorted({f"{key}.{name}" for use in uses for key, entry in use.step._tensor_stats.items() for name in entry})
    prefixes = [{name[: -len(key)] for name in there if name.endswith(f".{key}")} for key in missing]
    common = sorted(set.intersection(*prefixes)) if prefixes else []
    more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
    what = f"normalisation would be skipped: no statistics {', '.join(missing[:SHOWN])}{more}"
    remedy = "the processors of a training on the data of this robot"
    if len(common) == 1:
        what += f"; they are there as {', '.join(common[0] + key for key in missing[:2])}{' ...' if len(missing) > 2 else ''}"
        remedy = f"statistics_prefix '{common[0]}' in the policy's config where these are the data of this robot, or {remedy}"
    elif common:
        names = ", ".join(f"'{name}'" for name in common[:SHOWN])
        remedy = f"statistics_prefix, one of {names}, in the policy's config, or {remedy}"
    elif there:
        what += f"; there are {', '.join(there[:SHOWN])}{' ...' if len(there) > SHOWN else ''}"
    return broken(folder, what, remedy)


def _malformed(use: _Use) -> list[str]:
    """Return what is wrong with the numbers of one feature."""
    if use.mode not in NEEDED:
        return [f"{use.key} has the mode {use.mode}"]
    names = NEEDED[use.mode]
    numbers = {name: _numbers(_entry(use)[name]) for name in names}
    sizes = {math.prod(use.shape), use.shape[0] if len(use.shape) == 3 else 0}
    for name, values in numbers.items():
        if len(values) not in sizes and not _is_padded(use, len(values)):
            return [f"{use.key}.{name} has {len(values)} numbers for the shape {list(use.shape)}"]
        if not np.isfinite(values).all():
            return [f"{use.key}.{name} is not finite"]
    first, second = (numbers[name] for name in names)
    if names[1] == "std":
        if (second < 0.0).any():
            return [f"{use.key}.std is negative: {float(second.min()):g}"]
        return []
    if len(first) == len(second) and (first > second).any():
        return [f"{use.key}.{names[0]} is above {use.key}.{names[1]}"]
    return []


def _is_padded(use: _Use, size: int) -> bool:
    """Return whether the step itself works on a longer vector, as kinds that fill up to a largest robot do."""
    own = use.step.features.get(use.key)
    return own is not None and math.prod(int(n) for n in own.shape) == size > math.prod(use.shape)


def _numbers(value: Any) -> FloatArray:
    raw = value.detach().to("cpu").numpy() if hasattr(value, "detach") else value
    return np.asarray(raw, dtype=np.float64).reshape(-1)


def _vector(entry: dict[str, FloatArray], mode: str) -> VectorStatistics:
    """Return the statistics that say most: those of the mode, and where that is the mean, what is known of the ends besides."""
    mean, std = (entry.get(name) for name in ("mean", "std"))
    if mean is None or std is None:
        mean = std = None
    first, second = NEEDED.get(mode, ("", ""))
    if mode in ("MIN_MAX", "QUANTILES", "QUANTILE10"):
        return VectorStatistics(None, None, entry[first], entry[second], f"{first} and {second}")
    for low, high in (("q01", "q99"), ("min", "max")):
        if low in entry and high in entry and _agree(mean, entry[low], entry[high]):
            return VectorStatistics(mean, std, entry[low], entry[high], f"{low} and {high}")
    return VectorStatistics(mean, std, None, None, "mean and std")


def _agree(mean: FloatArray | None, low: FloatArray, high: FloatArray) -> bool:
    """Return whether low and high belong to the mean: not every file's do."""
    if len(low) != len(high) or (low > high).any() or not (np.isfinite(low).all() and np.isfinite(high).all()):
        return False
    if mean is None:
        return True
    slack = 1e-3 * np.maximum(high - low, 1e-6) + 1e-6 * np.abs(mean)
    return len(mean) == len(low) and bool(((low - slack <= mean) & (mean <= high + slack)).all())

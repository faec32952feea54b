"""Statistics of a dataset's numbers, as LeRobot normalises by them: computed from the data, and compared with what is stored. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Statistics = Mapping[str, Mapping[str, NDArray[np.float64]]]
"""Statistic by feature and kind: min, max, mean, std, count, q01, q10, q50, q90, q99."""

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
BOOKKEEPING = ("timestamp", "frame_index", "episode_index", "index", "task_index")
"""Features that LeRobot adds; no policy is normalised by them."""

SPREAD_TOLERANCE = 0.01
"""A mean may be this part of the data's spread off; a standard deviation twice as much."""

SIZE_TOLERANCE = 1e-4
"""The same for the data's largest size: LeRobot sums in single precision."""

ROOT_TOLERANCE = 1e-3
"""A standard deviation may be this part of the data's largest size off: LeRobot takes it from sums of squares in single precision."""

LAST_BIT = 2.0**-24
"""Relative rounding error of single precision; numpy adds the N squares of an episode one by one, so a constant is off by N of it."""

PICTURE_TOLERANCE = 0.08
"""Mean and standard deviation of pictures, 0 to 1: LeRobot takes a sample of them, before the codec changes them."""


def describe(values: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """Return min, max, mean, std (D,) and count (1,) of values (N,) or (N, D), N at least 1."""
    rows = _rows(values)
    return {
        "min": rows.min(axis=0),
        "max": rows.max(axis=0),
        "mean": rows.mean(axis=0),
        "std": rows.std(axis=0),
        "count": np.array([len(rows)], dtype=np.float64),
    }


def statistics_problems(
    stored: Mapping[str, Any] | None, values: NDArray[Any], names: Sequence[str] = (), parts: int = 1
) -> list[str]:
    """Return where stored statistics of one feature differ from its data; nothing when they agree.

    Args:
        stored: Statistic by kind.
        values: The data (N,) or (N, D).
        names: Names of the D elements.
        parts: Number of episodes whose quantiles LeRobot averaged; the quantiles of one are compared with the data's.
    """
    if stored is None:
        return ["there are none"]
    rows, true = _rows(values), describe(values)
    found = []
    for kind, right in true.items():
        if kind not in stored:
            found.append(f"{kind} is missing")
            continue
        given = _flat(stored[kind])
        if given.shape != right.shape:
            found.append(f"{kind} has {given.size} numbers; the data have {right.size}")
            continue
        margin = 0.5 if kind == "count" else _margin(kind, true, len(rows) / parts)
        wrong = np.flatnonzero(~(np.abs(given - right) <= margin))
        if wrong.size:
            i = int(wrong[0])
            of = f" of {names[i]}" if i < len(names) and len(names) == right.size else ""
            found.append(f"{kind}{of} is {given[i]:.6g}; the data give {right[i]:.6g}")
    return found or _quantile_problems(stored, rows, true, parts)


def picture_problems(stored: Mapping[str, Any] | None, mean: NDArray[np.float64] | None) -> list[str]:
    """Return what is wrong with stored statistics of pictures, by channel and from 0 to 1.

    Args:
        stored: Statistic by kind.
        mean: Mean of each channel (3,), 0 to 1, of the decoded pictures; None where they were not decoded.
    """
    if stored is None:
        return ["there are none"]
    missing = [kind for kind in ("min", "max", "mean", "std", "count") if kind not in stored]
    if missing:
        return [f"{kind} is missing" for kind in missing]
    low, high, middle, std = (_flat(stored[kind]) for kind in ("min", "max", "mean", "std"))
    if not low.shape == high.shape == middle.shape == std.shape == (3,):
        return [f"min, max, mean and std have {low.size}, {high.size}, {middle.size} and {std.size} numbers; valid: 3"]
    every = np.concatenate([low, high, middle, std])
    if not (np.isfinite(every).all() and every.min() >= -1e-6 and every.max() <= 1.0 + 1e-6):
        return [f"they go from {every.min():.6g} to {every.max():.6g}; valid: 0 to 1"]
    if (low > middle + 1e-4).any() or (middle > high + 1e-4).any():
        return [f"mean {_text(middle)} is not between min {_text(low)} and max {_text(high)}"]
    # The largest spread of numbers with a mean between two ends.
    widest = np.sqrt(np.maximum((middle - low) * (high - middle), 0.0))
    if (std > widest + 0.01).any():
        return [f"std {_text(std)} is more than min, max and mean allow, {_text(widest)}"]
    if (std < 1e-6).any() and (high - low > 0.02).any():
        return [f"std is {_text(std)}, and the pictures go from {_text(low)} to {_text(high)}"]
    if mean is not None and np.abs(middle - mean).max() > PICTURE_TOLERANCE:
        return [f"mean is {_text(middle)}; the pictures give {_text(mean)}"]
    return []


def _quantile_problems(
    stored: Mapping[str, Any], rows: NDArray[np.float64], true: Mapping[str, NDArray[np.float64]], parts: int
) -> list[str]:
    given = {kind: _flat(stored[kind]) for kind in QUANTILES if kind in stored}
    before = true["min"]
    for kind, values in given.items():
        if values.shape != true["min"].shape:
            return [f"{kind} has {values.size} numbers; the data have {true['min'].size}"]
        margin = _margin("mean", true, len(rows) / parts)
        low, high = true["min"], true["max"]
        if parts == 1:
            # Two definitions of a quantile differ by less than two samples.
            step = 2.0 / len(rows)
            low = np.quantile(rows, max(QUANTILES[kind] - step, 0.0), axis=0)
            high = np.quantile(rows, min(QUANTILES[kind] + step, 1.0), axis=0)
        bad = ~((values >= low - margin) & (values <= high + margin) & (values >= before - margin))
        if bad.any():
            i = int(np.flatnonzero(bad)[0])
            return [f"{kind} is {values[i]:.6g}; the data allow {low[i]:.6g} to {high[i]:.6g}"]
        before = values
    return []


def _margin(kind: str, true: Mapping[str, NDArray[np.float64]], length: float) -> NDArray[np.float64]:
    """Return how far a statistic of episodes of a length in frames may be off."""
    spread = true["max"] - true["min"]
    size = np.maximum(np.abs(true["max"]), np.abs(true["min"]))
    part = {"std": 2.0 * SPREAD_TOLERANCE, "mean": SPREAD_TOLERANCE}.get(kind, 1e-3)
    of_size = max(ROOT_TOLERANCE, float(np.sqrt(2.0 * length * LAST_BIT))) if kind == "std" else SIZE_TOLERANCE
    margin: NDArray[np.float64] = part * spread + of_size * size + 1e-6
    return margin


def _rows(values: NDArray[Any]) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    return array.reshape(len(array), -1)


def _flat(value: Any) -> NDArray[np.float64]:
    try:
        return np.asarray(value, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        return np.full(1, np.nan)


def _text(values: NDArray[np.float64]) -> str:
    return "/".join(f"{value:.3g}" for value in values)

"""How well a learnt progress agrees with the true one. No I/O."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.errors import ConfigurationError
from strands_robots.learning.progress.progress_file import ProgressRows


@dataclass(frozen=True)
class Agreement:
    """What the frames that both know say.

    Attributes:
        frames: How many.
        episodes: Episodes that they are of.
        spearman, kendall: Median over the episodes of each rank correlation (rho, tau-b), -1 to 1; NaN where one side never changes.
        error: Mean absolute difference.
        ends: Pearson correlation of the last values of the episodes; NaN for fewer than three, or where one side never changes.
        unordered: Share of the steps forward in true progress over which the learnt one does not rise.
    """

    frames: int
    episodes: int
    spearman: float
    kendall: float
    error: float
    ends: float
    unordered: float


def agreement(true: ProgressRows, learnt: ProgressRows) -> Agreement:
    """Return how well two accounts of the same frames agree.

    Raises:
        ConfigurationError: If they have no frame in common, or number their frames differently.
    """
    from scipy.stats import kendalltau, spearmanr

    known = {int(index): k for k, index in enumerate(learnt.index) if np.isfinite(learnt.progress[k])}
    pairs = [
        (k, known[int(index)])
        for k, index in enumerate(true.index)
        if int(index) in known and np.isfinite(true.progress[k])
    ]
    if not pairs:
        raise ConfigurationError("the two have no frame in common; valid: progress of the same dataset")
    first, second = np.array(pairs).T
    if (true.episode[first] != learnt.episode[second]).any() or (true.frame[first] != learnt.frame[second]).any():
        raise ConfigurationError("the two number their frames differently; valid: progress of the same dataset")
    right, found, episodes = true.progress[first], learnt.progress[second], true.episode[first]
    spearman, kendall, ends, forward, unordered = [], [], [], 0, 0
    for episode in np.unique(episodes):
        one, other = right[episodes == episode], found[episodes == episode]
        ends.append((one[-1], other[-1]))
        steps = np.diff(one) > 0.0
        forward, unordered = forward + int(steps.sum()), unordered + int((np.diff(other)[steps] <= 0.0).sum())
        if len(one) > 2 and np.ptp(one) > 0.0 and np.ptp(other) > 0.0:
            spearman.append(float(spearmanr(one, other).statistic))
            kendall.append(float(kendalltau(one, other).statistic))
    return Agreement(
        len(pairs), len(np.unique(episodes)), _median(spearman), _median(kendall), float(np.abs(right - found).mean()),
        _pearson(np.array(ends)), unordered / forward if forward else 0.0,
    )  # fmt: skip


def _median(values: list[float]) -> float:
    return float(np.median(values)) if values else float("nan")


def _pearson(ends: NDArray[np.float64]) -> float:
    if len(ends) < 3 or (np.ptp(ends, axis=0) == 0.0).any():
        return float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(np.corrcoef(ends.T)[0, 1])

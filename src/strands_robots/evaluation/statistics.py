"""How sure a success rate is. No I/O."""

from __future__ import annotations

import math

CONFIDENCE_95 = 1.959963984540054
"""Quantile of the normal distribution for a two-sided interval of 95 %."""


def wilson_interval(successes: int, episodes: int, z: float = CONFIDENCE_95) -> tuple[float, float]:
    """Return the confidence interval (lower, upper) of a success rate.

    Args:
        successes: Episodes that succeeded.
        episodes: Episodes in all; with none, nothing is known: (0, 1).
        z: Quantile of the normal distribution.

    Source: Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference".
    """
    if episodes == 0:
        return 0.0, 1.0
    rate = successes / episodes
    denominator = 1.0 + z * z / episodes
    centre = rate + z * z / (2.0 * episodes)
    half = z * math.sqrt(rate * (1.0 - rate) / episodes + z * z / (4.0 * episodes * episodes))
    lower = 0.0 if successes == 0 else (centre - half) / denominator
    upper = 1.0 if successes == episodes else (centre + half) / denominator
    return lower, upper

"""Statistical tests on two success rates. No I/O.

Two policies that run the same episodes differ only where one succeeds and the other does not: in the discordant pairs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from strands_robots.core.arrays import FloatArray

PRIOR = 0.5
"""Parameter of the symmetric Beta mixture of the e-process; 0.5 is Jeffreys' prior."""


def mcnemar_exact(wins: int, losses: int) -> float:
    """Return the two-sided p-value of equal policies, for a number of pairs that was fixed in advance.

    Args:
        wins: Pairs in which only the second policy succeeded.
        losses: Pairs in which only the first one did.

    Source: McNemar 1947, "Note on the sampling error of the difference between correlated proportions"; exact binomial form.
    """
    from scipy.stats import binomtest

    return float(binomtest(wins, wins + losses, 0.5).pvalue) if wins + losses else 1.0


def barnard(successes: tuple[int, int], episodes: tuple[int, int]) -> float:
    """Return the two-sided p-value of equal rates in unpaired episodes.

    Source: Barnard 1945, "A new test for 2 x 2 tables".
    """
    from scipy.stats import barnard_exact

    table = [list(successes), [total - one for one, total in zip(successes, episodes)]]
    return float(barnard_exact(table).pvalue)


def log_e_value(wins: int, losses: int) -> float:
    """Return the logarithm of the evidence against equal policies, valid at whatever moment it is looked at.

    The e-process of a Beta mixture on discordant pairs: E = B(a + wins, a + losses) / B(a, a) * 2^(wins + losses). With equal
    policies it exceeds 1 / alpha at any time with probability alpha at most.

    Source: Ville 1939; Robbins 1970, "Statistical methods related to the law of the iterated logarithm".
    """
    from scipy.special import betaln

    evidence = betaln(PRIOR + wins, PRIOR + losses) - betaln(PRIOR, PRIOR)
    return float(evidence + (wins + losses) * math.log(2.0))


class EarlyStop:
    """Follows pairs in their order until the evidence is enough.

    Args:
        alpha: Share of false alarms that is accepted, over the whole run.

    Attributes:
        pairs: Pairs that were taken.
        wins, losses: Those of them in which only the second, or only the first, policy succeeded.
        decided_at: Pairs after which the evidence was enough; 0 while it is not.
    """

    def __init__(self, alpha: float) -> None:
        self._threshold = -math.log(alpha)
        self.pairs = self.wins = self.losses = self.decided_at = 0
        self._is_second_better = False

    def take(self, first: bool, second: bool) -> None:
        """Take one pair: whether each policy succeeded."""
        self.pairs += 1
        self.wins += second and not first
        self.losses += first and not second
        if not self.decided_at and first != second and log_e_value(self.wins, self.losses) >= self._threshold:
            self.decided_at = self.pairs
            self._is_second_better = self.wins > self.losses

    @property
    def verdict(self) -> int:
        """1 when the second policy is better, -1 when the first one is, 0 while undecided; the first verdict stays."""
        return 0 if not self.decided_at else 1 if self._is_second_better else -1


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values of several tests, corrected for their number.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected, highest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(p_values[i] * (len(p_values) - rank), 1.0))
        corrected[i] = highest
    return corrected


def bootstrap_mean(differences: Sequence[FloatArray], draws: int = 10_000, seed: int = 0) -> tuple[float, float, float]:
    """Return the mean over tasks of the mean difference in a task, with its 95 % interval (mean, lower, upper).

    Tasks are drawn anew, and the pairs inside each of them; with one task only its pairs.

    Args:
        differences: For each task, second minus first success (n,), of each pair.
        draws: Bootstrap samples.
        seed: Of the draws.

    Source: Efron 1979, "Bootstrap methods: another look at the jackknife".
    """
    random = np.random.default_rng(seed)
    means = np.stack([one[random.integers(0, len(one), (draws, len(one)))].mean(axis=1) for one in differences])
    chosen = random.integers(0, len(differences), (draws, len(differences)))
    sampled = means[chosen, np.arange(draws)[:, None]].mean(axis=1)
    mean = float(np.mean([one.mean() for one in differences]))
    lower, upper = np.percentile(sampled, [2.5, 97.5])
    return mean, float(lower), float(upper)

"""Temporal ensembling: rows that several chunks predict for the same time are averaged, older predictions counting more. No I/O.

Source: Zhao et al. 2023, "Learning Fine-Grained Bimanual Manipulation with Low-Cost Hardware" (ACT), section 4.2.
"""

from __future__ import annotations

import numpy as np

from strands_robots.control.spline import MonotoneCubic
from strands_robots.core.arrays import FloatArray

COEFFICIENT = 0.01
"""ACT's own."""


class TemporalEnsemble:
    """Averages each chunk with what is left of the earlier ones.

    The i-th prediction for a time, counted from the oldest, weighs exp(-coefficient * i). Chunks need not lie on one grid:
    the average so far is interpolated to the rows of the new chunk.

    Args:
        coefficient: 0 weighs all alike; larger counts older predictions more, negative the newer ones.
    """

    def __init__(self, coefficient: float = COEFFICIENT) -> None:
        self._coefficient = coefficient
        self._names: tuple[str, ...] = ()
        self._start = 0.0
        self._period = 1.0
        self._mean: FloatArray = np.zeros((0, 0))
        self._count = np.zeros(0, dtype=np.intp)

    def reset(self) -> None:
        """Forget every prediction."""
        self._names = ()

    def blend(self, names: tuple[str, ...], values: FloatArray, start: float, period: float) -> FloatArray:
        """Return the averaged rows (H, D) of a new chunk and remember them.

        Args:
            names: Joints, the columns of `values`; another list than before starts anew.
            values: Predicted rows (H, D).
            start: Time of row 0 [s].
            period: Time between two rows [s].
        """
        rows = np.array(values, dtype=np.float64)
        count = np.zeros(len(rows), dtype=np.intp)
        if names == self._names and len(self._mean):
            times: FloatArray = start + np.arange(len(rows), dtype=np.float64) * period - self._start
            position = times / self._period
            known = (position > -1e-6) & (position < len(self._mean) - 1 + 1e-6)
            if known.any():
                before = MonotoneCubic(self._mean, self._period).sample(times[known])
                count[known] = self._count[np.clip(np.rint(position[known]).astype(np.intp), 0, len(self._mean) - 1)]
                total = self._weight_sum(count[known])[:, None]
                weight = np.exp(-self._coefficient * count[known])[:, None]
                rows[known] = (before * total + rows[known] * weight) / (total + weight)
        self._names, self._start, self._period = names, start, period
        self._mean, self._count = rows, count + 1
        return rows.copy()

    def _weight_sum(self, count: np.ndarray) -> FloatArray:  # type: ignore[type-arg]
        """Return the sum of the first `count` weights."""
        weights = np.exp(-self._coefficient * np.arange(int(count.max()) if len(count) else 0))
        total: FloatArray = np.concatenate([[0.0], np.cumsum(weights)])[count]
        return total

"""How long a policy takes, and what that means for when it is asked next. ROS-free; no I/O."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

RECENT = 10
"""Inferences from which the next one's time is expected."""

KEPT = 1000
"""Inferences over which percentiles are taken."""

MARGIN = 1.25
"""Expected time of an inference, times this, is kept in front of the end of the running chunk."""


class LatencyRecord:
    """Times of inferences [s]."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._kept: deque[float] = deque(maxlen=KEPT)
        self.count = 0

    def add(self, latency: float) -> None:
        """Take one inference's time [s]."""
        self._recent.append(latency)
        self._kept.append(latency)
        self.count += 1

    @property
    def expected(self) -> float:
        """How long the next inference may take: the longest recent one [s]; 0 before the first."""
        return max(self._recent, default=0.0)

    def percentile(self, share: float) -> float:
        """Return the time that `share` [%] of the inferences stay under [s]; 0 before the first."""
        return float(np.percentile(np.array(self._kept), share)) if self._kept else 0.0

    def delay_rows(self, period: float) -> int:
        """Return how many rows of `period` [s] will be played during the next inference."""
        return math.ceil(self.expected / period - 1e-6) if period > 0.0 else 0


def replan_time(
    begin: float, end: float, now: float, expected_latency: float, execute_rows: int, period: float
) -> float:
    """Return when to ask the policy again [s, ROS time].

    Args:
        begin: Time of the chunk's row 0 [s].
        end: Time at which its last row has lasted one period [s].
        now: The present [s].
        expected_latency: How long the next inference may take [s].
        execute_rows: Rows to play before asking again; 0: until half of what is left has been played.
        period: Time between two rows [s].

    Returns:
        Not later than what leaves the expected inference time, with a margin, before the chunk's end.
    """
    wanted = begin + execute_rows * period if execute_rows else end - max(end - now, 0.0) / 2.0
    return min(wanted, end - MARGIN * expected_latency)

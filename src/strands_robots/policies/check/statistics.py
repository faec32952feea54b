"""What a model's training data looked like, as its checkpoint says: the statistics that it normalises with. ROS-free; no I/O."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strands_robots.core.arrays import FloatArray


@dataclass(frozen=True)
class VectorStatistics:
    """Statistics of one vector, in the model's order and units.

    Attributes:
        mean, std: (A,); None where the checkpoint does not say them.
        low, high: (A,), smallest and largest number of the training data, or its quantiles; None where they are not said.
        source: What they are, in words, for example "min and max".
    """

    mean: FloatArray | None = None
    std: FloatArray | None = None
    low: FloatArray | None = None
    high: FloatArray | None = None
    source: str = ""

    def __len__(self) -> int:
        return next((len(each) for each in (self.mean, self.low) if each is not None), 0)

    def span(self, element: int) -> tuple[float, float] | None:
        """Return where most of an element's numbers are: low and high, else one standard deviation about the mean."""
        if self.low is not None and self.high is not None:
            return float(self.low[element]), float(self.high[element])
        if self.mean is not None and self.std is not None:
            mean, std = float(self.mean[element]), float(self.std[element])
            return mean - std, mean + std
        return None

    def is_placeholder(self) -> bool:
        """Return whether every element has the same statistics, as made-up ones have and measured ones never."""
        given = [each for each in (self.mean, self.std, self.low, self.high) if each is not None]
        return all(bool(np.ptp(each) == 0.0) for each in given)


@dataclass(frozen=True)
class ModelStatistics:
    """Statistics of a model's state and action.

    Attributes:
        state, action: None where they are not known, or are not of joints (actions relative to the state).
        margin: Part of a joint's way by which they may lie outside its limits.
    """

    state: VectorStatistics | None = None
    action: VectorStatistics | None = None
    margin: float = 0.1

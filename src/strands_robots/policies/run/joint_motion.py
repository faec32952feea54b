"""How far joints moved during a run. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.types import Observation


@dataclass
class Motion:
    """Smallest and largest measured position of each joint."""

    joint_names: tuple[str, ...] = ()
    lowest: FloatArray = field(default_factory=lambda: np.zeros(0))
    highest: FloatArray = field(default_factory=lambda: np.zeros(0))

    def add(self, observation: Observation) -> None:
        """Take one observation in."""
        if observation.joint_names != self.joint_names:
            self.joint_names = observation.joint_names
            self.lowest, self.highest = observation.position.copy(), observation.position.copy()
        else:
            np.minimum(self.lowest, observation.position, out=self.lowest)
            np.maximum(self.highest, observation.position, out=self.highest)

"""What a robot node measures besides positions, for the supervision of one robot. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.arrays import FloatArray


@dataclass
class Readings:
    """Filled in by the robot node before a control tick, reused from tick to tick; the node says what it measures.

    Attributes:
        contact_force: Sum of the normal forces of everything but itself on the robot's parts other than fingers [N].
        contact_with: What pushes most there, in words; empty without contact.
        finger_force: The same on the fingers [N].
        finger_with: What pushes most on the fingers.
        temperature: Of each joint's drive (D,) [deg C]; NaN when a reading failed.
        temperature_time: When it was measured [s, steady time]; minus infinity before the first time.
        current: Of each joint's drive (D,) [A]; NaN when a reading failed.
        current_time: When it was measured [s, steady time]; minus infinity before the first time.
        detached: Why the drives do not act on set-points now, as without torque or behind an inactive controller; empty while they do.
            The robot is then stopped.
        is_detached: Which joints' drives do not (D,), bool; their set-points follow the measured motion.
    """

    temperature: FloatArray
    current: FloatArray
    is_detached: NDArray[np.bool_]
    contact_force: float = 0.0
    contact_with: str = ""
    finger_force: float = 0.0
    finger_with: str = ""
    temperature_time: float = -np.inf
    current_time: float = -np.inf
    detached: str = ""

    @classmethod
    def of_size(cls, size: int) -> Readings:
        """Return readings of `size` joints of which none was made yet."""
        return cls(np.full(size, np.nan), np.full(size, np.nan), np.zeros(size, dtype=bool))

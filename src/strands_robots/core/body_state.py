"""Where a body of the world is, as numbers of a policy or a dataset: the same code says it when recording and when inferring. No I/O."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from strands_robots.core.errors import ConfigurationError, UnknownNameError

if TYPE_CHECKING:
    from strands_robots.core.pose import Pose

_LENGTHS: Mapping[str, float] = MappingProxyType({"m": 1.0, "mm": 1e-3})
_ANGLES: Mapping[str, float] = MappingProxyType({"rad": 1.0, "deg": math.pi / 180.0})
QUANTITIES: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {"x": _LENGTHS, "y": _LENGTHS, "z": _LENGTHS, "roll": _ANGLES, "pitch": _ANGLES, "yaw": _ANGLES}
)
"""Quantity -> its units, and SI units in one of each. Angles turn about the fixed axes x, y, z, in this order."""


@dataclass(frozen=True)
class BodyQuantity:
    """One number of an environment state.

    Attributes:
        name: Its name in the policy or the dataset.
        body: Body of the world.
        quantity: x, y, z, roll, pitch or yaw of its frame in the robot's base frame.
        unit: m or mm; rad or deg.

    Raises:
        UnknownNameError: If there is no such quantity.
        ConfigurationError: If the unit is not one of the quantity's.
    """

    name: str
    body: str
    quantity: str
    unit: str

    def __post_init__(self) -> None:
        if self.quantity not in QUANTITIES:
            raise UnknownNameError("quantity of a body", self.quantity, QUANTITIES)
        units = QUANTITIES[self.quantity]
        if self.unit not in units:
            raise ConfigurationError(f"{self.quantity} of a body has unit '{self.unit}'; valid: {', '.join(units)}")

    def read(self, pose: Pose) -> float:
        """Return the number for a body whose pose in the robot's base frame is `pose`."""
        return _measure(pose, self.quantity) / QUANTITIES[self.quantity][self.unit]


PLACE = ("x", "y", "z", "yaw")
"""What is recorded of a body that lies or is carried upright."""


def place_of(body: str) -> tuple[BodyQuantity, ...]:
    """Return the numbers that say where a body is, in SI: x, y, z and yaw, named "<body>.<quantity>"."""
    return tuple(BodyQuantity(f"{body}.{name}", body, name, next(iter(QUANTITIES[name]))) for name in PLACE)


def _measure(pose: Pose, quantity: str) -> float:
    rotation = pose.rotation
    if quantity == "roll":
        return math.atan2(rotation[2, 1], rotation[2, 2])
    if quantity == "pitch":
        return -math.asin(min(max(float(rotation[2, 0]), -1.0), 1.0))
    if quantity == "yaw":
        return math.atan2(rotation[1, 0], rotation[0, 0])
    return float(pose.position["xyz".index(quantity)])

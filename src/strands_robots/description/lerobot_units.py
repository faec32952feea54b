"""LeRobot's names, degrees and ranges <-> URDF names and SI. The one place where they meet; no I/O.

LeRobot names a joint's position "<joint>.pos", and gives revolute joints in degrees and grippers from 0 (closed) to 100 (open).
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError, ShapeError, UnknownNameError

if TYPE_CHECKING:
    from strands_robots.description.robot_config import RobotConfig

DEGREE = math.pi / 180.0

POSITION, VELOCITY, EFFORT = ".pos", ".vel", ".effort"
"""What LeRobot appends to a joint's name."""


class Units(str, enum.Enum):
    """What the numbers of a dataset are."""

    LEROBOT = "lerobot"
    SI = "si"


@dataclass(frozen=True)
class JointUnit:
    """How one joint's number is meant.

    Attributes:
        joint: URDF name.
        unit: "deg", "range_0_100", "rad" or "m".
        scale, offset: SI = scale * number + offset; [rad] or [m] for each number, and [rad] or [m].
    """

    joint: str
    unit: str
    scale: float
    offset: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and math.isfinite(self.offset)) or self.scale == 0.0:
            raise ConfigurationError(
                f"joint '{self.joint}' has scale {self.scale} and offset {self.offset}; valid: finite, scale not 0"
            )


class JointCodec:
    """Converts positions, velocities and keys of a robot's joints, in one order.

    Args:
        units: One for each joint.

    Attributes:
        units: As given.
        names: URDF names.
        keys: LeRobot's keys, "<joint>.pos".
    """

    def __init__(self, units: Sequence[JointUnit]) -> None:
        self.units = tuple(units)
        self.names = tuple(unit.joint for unit in self.units)
        if not self.names or len(set(self.names)) != len(self.names):
            raise ConfigurationError(f"joints are {', '.join(self.names) or 'none'}; valid: at least one, each once")
        self.keys = tuple(name + POSITION for name in self.names)
        self._scale = np.array([unit.scale for unit in self.units])
        self._offset = np.array([unit.offset for unit in self.units])

    def to_lerobot(self, position: FloatArray) -> FloatArray:
        """Return positions (..., D) [rad] or [m] as the dataset's numbers."""
        converted: FloatArray = (self._checked(position) - self._offset) / self._scale
        return converted

    def to_si(self, numbers: FloatArray) -> FloatArray:
        """Return the dataset's numbers (..., D) as positions [rad] or [m]."""
        converted: FloatArray = self._checked(numbers) * self._scale + self._offset
        return converted

    def velocity_to_lerobot(self, velocity: FloatArray) -> FloatArray:
        """Return velocities (..., D) [rad/s] or [m/s] as the dataset's numbers for each second."""
        converted: FloatArray = self._checked(velocity) / self._scale
        return converted

    def velocity_to_si(self, numbers: FloatArray) -> FloatArray:
        """Return the dataset's numbers for each second (..., D) as velocities [rad/s] or [m/s]."""
        converted: FloatArray = self._checked(numbers) * self._scale
        return converted

    def by_key(self, position: FloatArray) -> dict[str, float]:
        """Return positions (D,) [rad] or [m] as LeRobot's robots give them: number by key."""
        return dict(zip(self.keys, self.to_lerobot(position).tolist()))

    def from_keys(self, numbers: Mapping[str, float]) -> tuple[tuple[str, ...], FloatArray]:
        """Return the joints that are named in LeRobot's mapping, in this robot's order, with their positions [rad] or [m].

        Raises:
            UnknownNameError: If a key is no joint's.
        """
        for key in numbers:
            if key not in self.keys:
                raise UnknownNameError("joint key", key, self.keys)
        given = [i for i, key in enumerate(self.keys) if key in numbers]
        values = np.array([float(numbers[self.keys[i]]) for i in given])
        return tuple(self.names[i] for i in given), values * self._scale[given] + self._offset[given]

    def _checked(self, values: FloatArray) -> FloatArray:
        array = np.asarray(values, dtype=np.float64)
        if array.shape[-1:] != (len(self.names),):
            raise ShapeError(f"numbers have shape {array.shape}; valid: (..., {len(self.names)})")
        return array


def robot_codec(config: RobotConfig, units: Units = Units.LEROBOT, linear: Sequence[str] = ()) -> JointCodec:
    """Return how a robot's joints are written.

    Args:
        config: The robot.
        units: LeRobot's numbers, or SI.
        linear: Joints that are prismatic; `linear_joints` finds them in a URDF.
    """
    gripper = config.gripper
    made = []
    for name in config.joints:
        if units is Units.SI:
            made.append(JointUnit(name, "m" if name in linear else "rad", 1.0))
        elif gripper is not None and name in gripper.joints:
            made.append(JointUnit(name, "range_0_100", (gripper.open - gripper.closed) / 100.0, gripper.closed))
        elif name in linear:
            made.append(JointUnit(name, "m", 1.0))
        else:
            made.append(JointUnit(name, "deg", DEGREE))
    return JointCodec(made)


def linear_joints(urdf: str) -> tuple[str, ...]:
    """Return the names of the prismatic joints in a URDF text; none for text that is no URDF."""
    from xml.etree import ElementTree

    try:
        root = ElementTree.fromstring(urdf)
    except ElementTree.ParseError:
        return ()
    return tuple(joint.get("name", "") for joint in root.findall("joint") if joint.get("type") == "prismatic")

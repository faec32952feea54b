"""The contract between the parts: joints, observations, chunks' vocabulary and the protocols of exchangeable parts.

No I/O, no ROS. One word, one meaning: observation (sensed) -> action (policy vector, policy units) -> command (named joints,
SI) -> ctrl (actuator).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from strands_robots.errors import ConfigurationError, ShapeError

FloatArray = NDArray[np.float64]


class Instant(NamedTuple):
    """One moment on the two clocks that matter.

    Attributes:
        ros: ROS time [s]; simulated time in simulation. May stand still or jump.
        steady: Monotonic time [s]; never jumps, does not stop with the simulation.
    """

    ros: float
    steady: float


class ControlMode(enum.IntEnum):
    """What the values of a command are; numbers as in msg/JointCommand."""

    POSITION = 0
    VELOCITY = 1
    EFFORT = 2


class StopCategory(enum.IntEnum):
    """Stop categories of IEC 60204-1."""

    TORQUE_OFF = 0
    CONTROLLED_THEN_OFF = 1
    CONTROLLED_AND_HOLD = 2


class SourceClass(enum.IntEnum):
    """Class of a command's source; a higher number takes the lease over. policy and external are equals."""

    AGENT = 1
    POLICY = 2
    EXTERNAL = 3
    TELEOP = 4
    OPERATOR = 5

    @property
    def priority(self) -> int:
        """Rank in the contest for the lease; equal ranks wait for each other."""
        return {"AGENT": 1, "POLICY": 2, "EXTERNAL": 2, "TELEOP": 3, "OPERATOR": 4}[self.name]


@dataclass(frozen=True)
class JointLimits:
    """Limits of a robot's joints, in the robot's joint order.

    Attributes:
        names: Joint names, length D.
        lower, upper: Position limits (D,) [rad] or [m]; infinite where a joint is continuous.
        velocity: Largest speed (D,) [rad/s] or [m/s], > 0.
        acceleration: Largest acceleration (D,) [rad/s^2] or [m/s^2], > 0.
        effort: Largest effort (D,) [Nm] or [N], > 0.
    """

    names: tuple[str, ...]
    lower: FloatArray
    upper: FloatArray
    velocity: FloatArray
    acceleration: FloatArray
    effort: FloatArray
    index: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            raise ConfigurationError(f"joint names must be unique; given {', '.join(self.names)}")
        for name in ("lower", "upper", "velocity", "acceleration", "effort"):
            array = np.asarray(getattr(self, name), dtype=np.float64)
            if array.shape != (len(self.names),):
                raise ShapeError(f"limits.{name} has shape {array.shape}; valid: ({len(self.names)},)")
            if np.isnan(array).any():
                raise ConfigurationError(f"limits.{name} holds NaN: {array.tolist()}")
            object.__setattr__(self, name, array)
        for name in ("velocity", "acceleration", "effort"):
            if not (getattr(self, name) > 0.0).all():
                raise ConfigurationError(f"limits.{name} must be positive; given {getattr(self, name).tolist()}")
        if not (self.lower < self.upper).all():
            raise ConfigurationError(
                f"limits.lower must be below limits.upper; given {self.lower.tolist()} and {self.upper.tolist()}"
            )
        object.__setattr__(self, "index", {name: i for i, name in enumerate(self.names)})

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Observation:
    """What a robot's sensors said at one instant.

    Attributes:
        stamp: ROS time of the measurement [s].
        joint_names: Joint names, length D.
        position: Measured positions (D,) [rad] or [m].
        velocity: Measured velocities (D,) [rad/s] or [m/s].
        effort: Measured efforts (D,) [Nm] or [N].
        images: Camera name -> picture, uint8 (H, W, 3) RGB.
    """

    stamp: float
    joint_names: tuple[str, ...]
    position: FloatArray
    velocity: FloatArray
    effort: FloatArray
    images: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)


@dataclass(frozen=True)
class Action:
    """What a policy wants the joints to do from an observation on.

    Attributes:
        joint_names: Columns of `values`, length D.
        values: Rows for successive instants (H, D), row 0 at the observation's stamp; unit by `mode`.
        control_period: Time between two rows [s].
        mode: What the values are.
    """

    joint_names: tuple[str, ...]
    values: FloatArray
    control_period: float
    mode: ControlMode = ControlMode.POSITION


class Policy(Protocol):
    """Turns observations into actions."""

    def reset(self, seed: int) -> None:
        """Start an episode; the same seed and observations give the same actions."""

    def infer(self, observation: Observation) -> Action:
        """Return the rows that follow `observation`.

        Raises:
            PolicyError: If the policy cannot answer; the robot then holds.
        """

    def close(self) -> None:
        """Free what the policy holds."""


class Clock(Protocol):
    """Where the present comes from, so that tests and lockstep can say it."""

    def now(self) -> Instant:
        """Return the present instant."""

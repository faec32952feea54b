"""Options of a gate, what it tells the actuators, and what it reports of itself. ROS-free; no I/O."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from strands_robots.control.limits import LimitPolicy
from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.types import ControlMode, StopCategory

_PLAYABLE = frozenset({ControlMode.POSITION, ControlMode.VELOCITY})


@dataclass(frozen=True)
class GateConfig:
    """Options of a gate.

    Attributes:
        robot: Name of the robot.
        session: Identity of this start of the robot node.
        control_period: Nominal time between two ticks [s].
        stop_category: What a stop does.
        modes: Modes that the robot's actuators support.
        heartbeat_timeout: Without a heartbeat for this long the gate latches [s, steady time].
        stall_timeout: A tick that comes this late while a chunk plays latches [s, steady time]; infinite where a client
            decides when to tick (lockstep).
        lease_timeout: A holder that is silent for this long after its chunk ended loses the lease [s].
        lease_on_steady_clock: Leases run on steady time (hardware) instead of ROS time (simulation).
        future_tolerance: How far in the future a stamp may lie [s].
        limit_policy: Clamp or refuse what is over a limit.
        handover_speed: Part of the velocity limits, above 0 and up to 1, at which the set-point closes the gap to the rows of a source
            that takes the robot over.
        follow_time: Where no tracking tolerance is supervised, a joint may be behind its set-point by what it moves in this time at its
            velocity limit [s]; infinite bounds nothing.
        sag_time: A joint that is further from a set-point at rest than it moves in this time at its velocity limit [s] starts its next
            motion where it is measured.
        rest_velocity: Rest means every measured velocity is under this [rad/s] or [m/s] ...
        rest_duration: ... for this long [s].
    """

    robot: str
    session: str
    control_period: float = 0.01
    stop_category: StopCategory = StopCategory.CONTROLLED_AND_HOLD
    modes: frozenset[ControlMode] = frozenset({ControlMode.POSITION})
    heartbeat_timeout: float = 0.25
    stall_timeout: float = 0.25
    lease_timeout: float = 0.5
    lease_on_steady_clock: bool = False
    future_tolerance: float = 0.05
    limit_policy: LimitPolicy = LimitPolicy.CLAMP
    handover_speed: float = 0.25
    follow_time: float = math.inf
    sag_time: float = 0.03
    rest_velocity: float = 0.02
    rest_duration: float = 0.1

    def __post_init__(self) -> None:
        if not self.modes or not self.modes <= _PLAYABLE:
            given = ", ".join(mode.name.lower() for mode in sorted(self.modes))
            raise ConfigurationError(f"robot '{self.robot}' has modes '{given}'; the gate plays position and velocity")
        for name in (
            "control_period",
            "heartbeat_timeout",
            "stall_timeout",
            "lease_timeout",
            "follow_time",
            "sag_time",
            "rest_velocity",
            "rest_duration",
        ):
            if not getattr(self, name) > 0.0:
                raise ConfigurationError(f"{name} must be positive; given {getattr(self, name)}")
        if not 0.0 < self.handover_speed <= 1.0:
            raise ConfigurationError(f"handover_speed is {self.handover_speed}; valid: above 0 and up to 1")


@dataclass
class Setpoint:
    """What the actuators shall do until the next tick; reused from tick to tick.

    Attributes:
        target: Position set-point (D,) [rad] or [m]; not to be written to.
        torque_enabled: False when the actuators shall be without torque.
        source: Who commands; empty while nothing plays.
        sequence: Sequence of the command being played; 0 while nothing plays.
    """

    target: FloatArray
    torque_enabled: bool = True
    source: str = ""
    sequence: int = 0


class GateSummary(NamedTuple):
    """What listeners hear of at once when it changes; fields of GateReport."""

    latched: bool
    latch_reason: str
    arm_epoch: int
    torque_enabled: bool
    lease_holder: str
    playing: bool
    at_rest: bool
    speed_zone: str


@dataclass(frozen=True)
class GateReport:
    """State of a gate; the fields of msg/GateState."""

    robot: str
    session: str
    latched: bool
    latch_reason: str
    arm_epoch: int
    stop_category: StopCategory
    torque_enabled: bool
    lease_holder: str
    playing: bool
    at_rest: bool
    max_velocity: float
    accepted: int
    clamped: int
    refusals: dict[str, int] = field(default_factory=dict)
    last_refusal: str = ""
    latch_count: int = 0
    stop_session: str = ""
    stop_id: int = 0
    retired: bool = False
    alarm: str = ""
    speed_scale: float = 1.0
    speed_zone: str = ""

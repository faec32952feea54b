"""A chunk of set-points as it arrived, before any check. A single command is a chunk of one row."""

from __future__ import annotations

from dataclasses import dataclass

from strands_robots.core.arrays import FloatArray
from strands_robots.core.types import ControlMode


@dataclass(frozen=True)
class Chunk:
    """Set-points for named joints.

    Attributes:
        source: Who commands, "class/name".
        sequence: Strictly increasing for each (source, topic).
        stamp: Time of issue, ROS time [s].
        lifetime: Acceptance ends at stamp + lifetime [s].
        mode: What the values are; a number outside ControlMode is kept so that the gate can refuse it by name.
        joint_names: Columns of `values`, length D.
        values: (H, D) [rad], [rad/s] or [Nm] (linear joints [m], [m/s], [N]). May hold anything: the gate checks. When the wire
            carried an array that is not H x D, it is kept flat (n,) and the gate refuses it.
        control_period: Time between two rows [s]; 0 for a single command.
        observation_stamp: ROS time [s] that row 0 belongs to; None plays row 0 on arrival.
    """

    source: str
    sequence: int
    stamp: float
    lifetime: float
    joint_names: tuple[str, ...]
    values: FloatArray
    mode: int = ControlMode.POSITION
    control_period: float = 0.0
    observation_stamp: float | None = None

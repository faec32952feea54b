"""What the graph's supervisor says: the fields of msg/SafetyState. No I/O."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class GraphState(enum.IntEnum):
    """State of the graph; numbers as in msg/SafetyState."""

    ARMED = 1
    STOPPING = 2
    STOPPED = 3
    STOP_NOT_CONFIRMED = 4


@dataclass(frozen=True)
class RobotEvidence:
    """What is known of one robot; the fields of msg/RobotSafety."""

    robot: str
    session: str
    latched: bool
    at_rest: bool
    age: float
    latch_count: int = 0


@dataclass(frozen=True)
class SupervisorState:
    """The fields of msg/SafetyState."""

    run_id: str
    session: str
    sequence: int
    arm_epoch: int
    state: GraphState
    stop_id: int
    stop_source: str
    stop_reason: str
    robots: tuple[RobotEvidence, ...]
    message: str

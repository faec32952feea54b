"""The supervisor's heartbeat as the gate sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Heartbeat:
    """One SafetyState.

    Attributes:
        session: Identity of this start of safety_node.
        sequence: Strictly increasing within the session.
        armed: True when robots may move.
        arm_epoch: Raised by every resume.
        admitted: Robot name -> session of its node that this heartbeat may arm.
        reason: Why the graph is stopped, in words.
        latch_counts: Robot name -> count of its latch that was admitted; a robot without one is not armed.
        stop_id: Number of the last stop of this session; 0 before the first.
    """

    session: str
    sequence: int
    armed: bool
    arm_epoch: int
    admitted: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    latch_counts: Mapping[str, int] = field(default_factory=dict)
    stop_id: int = 0

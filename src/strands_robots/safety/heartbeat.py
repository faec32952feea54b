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
    """

    session: str
    sequence: int
    armed: bool
    arm_epoch: int
    admitted: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""

"""An alarm of a robot's own supervision: why it stops itself."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class AlarmKind(enum.Enum):
    """What supervision found; the value is the name on the graph (GateState.alarm) and in the audit log."""

    TRACKING = "tracking"
    CONTACT = "contact"
    JOINT_LIMIT = "joint_limit"
    TEMPERATURE = "temperature"
    CURRENT = "current"
    CLOCK = "clock"
    WORKSPACE = "workspace"
    SPEED_ZONE = "speed_zone"

    @property
    def gives_way(self) -> bool:
        """True where holding the set-point would go on pressing against what is in the way."""
        return self in (AlarmKind.TRACKING, AlarmKind.CONTACT)


@dataclass(frozen=True)
class Alarm:
    """One alarm.

    Attributes:
        kind: What was found.
        message: What was measured, where, and what is valid.
    """

    kind: AlarmKind
    message: str

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.message}"

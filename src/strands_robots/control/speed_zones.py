"""Speed and separation: a signalled zone says which part of its speed a robot may use."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from strands_robots.control.alarm import Alarm, AlarmKind

if TYPE_CHECKING:  # Nodes that only read messages of a gate start without pydantic.
    from strands_robots.description.supervision_config import SpeedZonesConfig


class SpeedZones:
    """The zone in force. Signals come from the executor's thread, questions from the control loop; each is one assignment.

    Attributes:
        config: The table.
    """

    def __init__(self, config: SpeedZonesConfig) -> None:
        self.config = config
        self._slowest = min(config.zones.values())
        self._signal: tuple[str, float, float] = ("", 0.0, -math.inf)

    def select(self, zone: str, steady: float) -> bool:
        """Take a signal received at `steady` time [s]; one that names no zone is as good as none, and returns False."""
        scale = self.config.zones.get(zone)
        self._signal = ("", 0.0, -math.inf) if scale is None else (zone, scale, steady)
        return scale is not None

    def zone(self, steady: float) -> str:
        """Return the zone that is signalled; empty without a valid signal."""
        zone, _, received = self._signal
        return zone if steady - received <= self.config.timeout else ""

    def scale(self, steady: float) -> float:
        """Return the allowed part of the velocity limits, from 0 (stop) to 1."""
        _, scale, received = self._signal
        if steady - received <= self.config.timeout:
            return scale
        return 0.0 if self.config.missing == "stop" else self._slowest

    def alarm(self, steady: float) -> Alarm:
        """Return why the robot must stop, where `scale` is 0."""
        zone = self.zone(steady)
        why = f"zone '{zone}' stops" if zone else "no valid signal of a speed zone"
        moving = [name for name, scale in self.config.zones.items() if scale > 0.0]
        return Alarm(
            AlarmKind.SPEED_ZONE, f"{why}; valid: {', '.join(moving) or 'no zone'} every {self.config.timeout} s"
        )

"""Supervision of ROS time: commands, lifetimes and stamps are on it, so it must not jump while a robot moves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from strands_robots.control.alarm import Alarm, AlarmKind
from strands_robots.core.types import Instant

if TYPE_CHECKING:  # Nodes that only read messages of a gate start without pydantic.
    from strands_robots.description.supervision_config import ClockConfig


class ClockWatch:
    """Compares the way that ROS time goes between two ticks with the steady clock's.

    ROS time that stands still (a paused world) or runs ahead steadily (a fast one) is no jump: only one tick is judged.

    Args:
        config: Threshold.
        control_period: Nominal time between two ticks [s]; a tick of twice that is never a jump.
    """

    def __init__(self, config: ClockConfig, control_period: float) -> None:
        self._jump = max(config.jump, 2.0 * control_period)
        self._ros = math.nan
        self._steady = math.nan

    def restart(self) -> None:
        """Take the next tick's time as it is: the world was reset, or stood still."""
        self._ros = math.nan

    def check(self, now: Instant) -> Alarm | None:
        """Judge the time of this tick."""
        ros, steady = now.ros - self._ros, now.steady - self._steady
        self._ros, self._steady = now.ros, now.steady
        # Comparisons with the NaN of a restart are false.
        if ros < -self._jump:
            return Alarm(AlarmKind.CLOCK, f"ROS time went back by {-ros:.3f} s; valid: at most {self._jump:.3f} s")
        if ros - steady > self._jump:
            return Alarm(
                AlarmKind.CLOCK,
                f"ROS time went on by {ros:.3f} s in {steady:.3f} s of real time; valid: at most {self._jump:.3f} s more",
            )
        return None

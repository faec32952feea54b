"""What one robot watches of itself in every control tick. ROS-free; no I/O; it says why to stop, the gate stops."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from strands_robots.control.alarm import Alarm, AlarmKind
from strands_robots.control.clock_watch import ClockWatch
from strands_robots.control.joint_watch import JointLimitWatch, TrackingWatch
from strands_robots.control.player import ChunkPlayer, PlannedChunk
from strands_robots.control.reading_watch import ContactWatch, HealthWatch
from strands_robots.control.readings import Readings
from strands_robots.control.speed_zones import SpeedZones
from strands_robots.control.tool_chain import ToolChain
from strands_robots.control.workspace import Workspace, WorkspaceWatch
from strands_robots.control.workspace_check import check_path
from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.types import Instant, JointLimits
from strands_robots.description.per_joint import per_joint

if TYPE_CHECKING:  # Nodes that only read messages of a gate start without pydantic.
    from strands_robots.description.supervision_config import LimitsConfig

MEASURABLE = frozenset({"contact", "temperature", "current"})
"""Parts of the configuration that need a node that measures them."""

_LOOKS = 2
"""Ticks between two looks at the set-point's tool; those between are for the measured one."""


class Supervision:
    """All watches of one robot. The gate calls it with its lock held.

    Args:
        config: What is supervised.
        limits: The robot's joint limits.
        control_period: Nominal time between two ticks [s].
        chain: Kinematics of the tool; needed where there is a workspace.
        measures: Which of `MEASURABLE` the robot node measures; what it does not measure is not supervised.

    Attributes:
        config: What is supervised.
        unmeasured: Configured, but not measured by this node.
        gives_way: Joints (D,), bool, that stop where they are measured after an alarm of contact or tracking; the
            others, as of a gripper that holds something, stay at their set-point.
        tolerance: How far each joint may be from its set-point (D,), infinite for one that need not follow; None where that is not
            supervised.
        zones: Speed zones; None where none are configured.
        speed_scale: Part of the velocity limits that was allowed at the last check.

    Raises:
        ConfigurationError: If a workspace is given without kinematics.
    """

    def __init__(
        self,
        config: LimitsConfig,
        limits: JointLimits,
        control_period: float,
        chain: ToolChain | None = None,
        measures: Collection[str] = (),
    ) -> None:
        self.config = config
        self.unmeasured = sorted(name for name in MEASURABLE - set(measures) if getattr(config, name) is not None)
        self._limits = limits
        self._period = control_period
        self._workspace: Workspace | None = None
        if config.workspace is not None:
            if chain is None:
                raise ConfigurationError("a workspace is configured, but no kinematics of the tool are known")
            self._workspace = Workspace(config.workspace, chain)
        self._clock = ClockWatch(config.clock, control_period)
        self._tracking = TrackingWatch(config.tracking, limits) if config.tracking else None
        self._joint_limit = JointLimitWatch(config.joint_limit, limits) if config.joint_limit else None
        self._contact = ContactWatch(config.contact) if config.contact and "contact" in measures else None
        kinds = ((AlarmKind.TEMPERATURE, config.temperature, "deg C"), (AlarmKind.CURRENT, config.current, "A"))
        health = {
            kind.value: HealthWatch(kind, part, limits.names, unit)
            for kind, part, unit in kinds
            if part is not None and kind.value in measures
        }
        self._temperature, self._current = health.get("temperature"), health.get("current")
        self._tool = None if self._workspace is None else WorkspaceWatch(self._workspace)
        self.zones = SpeedZones(config.speed_zones) if config.speed_zones else None
        size = len(limits)
        self.gives_way = np.ones(size, dtype=bool) if self._tracking is None else self._tracking.watched
        self.tolerance = per_joint(config.tracking.error, limits.names) if config.tracking else None
        self.speed_scale = 1.0
        self._ahead: FloatArray = np.zeros(size)
        self._watches = [
            watch
            for watch in (
                self._clock, self._tracking, self._joint_limit, self._contact, self._temperature, self._current, self._tool,
            )
            if watch is not None
        ]  # fmt: skip

    @property
    def has_slow_watches(self) -> bool:
        """True with watches that only Python makes: a workspace, drives' health, speed zones (control/inner_loop.py)."""
        return any(watch is not None for watch in (self._tool, self._temperature, self._current, self.zones))

    def restart(self) -> None:
        """Begin anew: the robot was armed, or put somewhere else, or its world stood still."""
        for watch in self._watches:
            watch.restart()

    def check_chunk(self, chunk: PlannedChunk, setpoint: FloatArray, now: float) -> None:
        """Refuse a chunk that would take the tool out of the workspace, from the set-point (D,) at `now` [s, ROS time].

        Raises:
            Refused: If it would.
        """
        if self._workspace is not None:
            check_path(chunk, self._workspace, self._limits, setpoint, now, self._period)

    def check(
        self,
        now: Instant,
        dt: float,
        player: ChunkPlayer,
        position: FloatArray,
        readings: Readings,
    ) -> Alarm | None:
        """Return why the robot must stop, or None.

        Args:
            now: The present.
            dt: Time since the last tick [s].
            player: Has the set-point of the last tick.
            position: Measured positions (D,) [rad] or [m].
            readings: What else was measured.
        """
        alarm = self._clock.check(now)
        if alarm is None and self._joint_limit is not None:
            alarm = self._joint_limit.check(position)
        if alarm is None and self._tracking is not None:
            alarm = self._tracking.check(player.setpoint.position, position, dt)
        if alarm is None and self._contact is not None:
            alarm = self._contact.check(readings, dt)
        if alarm is None and self._tool is not None:
            alarm = self._tool.check(position, self._come_to_rest(player))
        return self._check_others(now, dt, readings) if alarm is None else alarm

    def _check_others(self, now: Instant, dt: float, readings: Readings) -> Alarm | None:
        alarm = None
        if self._temperature is not None:
            alarm = self._temperature.check(readings.temperature, readings.temperature_time, now.steady, dt)
        if alarm is None and self._current is not None:
            alarm = self._current.check(readings.current, readings.current_time, now.steady, dt)
        if alarm is None and self.zones is not None:
            self.speed_scale = self.zones.scale(now.steady)
            if self.speed_scale <= 0.0:
                alarm = self.zones.alarm(now.steady)
        return alarm

    def _come_to_rest(self, player: ChunkPlayer) -> FloatArray:
        """Return where the set-point would stop when it braked as hard as it may from the next look on; overwritten by the
        next call.

        A chunk that is played exactly was checked as a whole; there it is where the set-point is.
        """
        target = player.setpoint.position
        if player.is_exact or not player.is_playing:
            return target
        ahead, velocity = self._ahead, player.setpoint.velocity
        np.abs(velocity, out=ahead)
        ahead /= self._limits.acceleration
        ahead *= 0.5
        ahead += _LOOKS * self._period
        ahead *= velocity
        ahead += target
        np.maximum(ahead, self._limits.lower, out=ahead)
        np.minimum(ahead, self._limits.upper, out=ahead)
        return ahead

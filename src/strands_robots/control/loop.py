"""The control loop of the simulated robots: read -> gate -> actuators -> physics -> publish. ROS-free."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from strands_robots.control.gate import Gate, GateReport, Setpoint
from strands_robots.control.gate_types import GateSummary
from strands_robots.control.readings import Readings
from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.types import Instant

GATE_PERIOD = 0.05
"""Longest time between two reports of a gate [s, steady time]."""


class SimulatedRobot(Protocol):
    """One robot of the world, as the loop needs it; arrays (D,) in joint order, refreshed by `read`."""

    name: str
    position: FloatArray
    velocity: FloatArray
    effort: FloatArray

    def read(self) -> None:
        """Measure position [rad], velocity [rad/s] and effort [Nm]."""

    def read_others(self, readings: Readings) -> None:
        """Measure what else is supervised."""

    def set_target(self, target: FloatArray) -> None:
        """Set the actuators' position targets (D,) [rad]."""

    def set_torque(self, enabled: bool) -> None:
        """Switch the actuators' torque."""


class SteppedWorld(Protocol):
    """The physics, as the loop needs it."""

    @property
    def time(self) -> float:
        """Simulated time [s]."""

    def step(self, n: int) -> None:
        """Advance by n timesteps."""


MOST_SUBSTEPS = 10000
"""Timesteps of a control period; more of them would hold the world for seconds."""


class RobotPort(Protocol):
    """Where one robot's state goes. Called by the control loop's thread, so it must not block."""

    def publish_state(self, stamp: float, position: FloatArray, velocity: FloatArray, effort: FloatArray) -> None:
        """Take the measured state (D,) at `stamp` [s, ROS time]."""

    def publish_applied(self, stamp: float, setpoint: Setpoint) -> None:
        """Take what the gate let through at `stamp` [s, ROS time]; the set-point is reused by the next tick."""

    def publish_gate(self, stamp: float, report: GateReport) -> None:
        """Take the gate's state at `stamp` [s, ROS time]."""


class RobotLoop:
    """The control loop of one robot.

    Args:
        robot: The robot in the world.
        gate: Its gate.
        port: Where its state goes.

    Attributes:
        setpoint: What the actuators were told last; None before the first tick.
    """

    def __init__(self, robot: SimulatedRobot, gate: Gate, port: RobotPort) -> None:
        self.robot = robot
        self.gate = gate
        self.port = port
        self.setpoint: Setpoint | None = None
        self._torque: bool | None = None
        self._last_tick: float | None = None
        self._last_report = -float("inf")
        self._reported: GateSummary | None = None

    def tick(self, now: Instant, period: float) -> None:
        """Measure, ask the gate, and tell the actuators.

        The set-point moves by the time since the last tick, so that extra ticks never make it faster than its limits.

        Args:
            now: The present.
            period: Control period [s]; assumed for the first tick.
        """
        robot = self.robot
        robot.read()
        dt = period if self._last_tick is None else now.ros - self._last_tick
        if dt <= 0.0:
            return
        self._last_tick = now.ros
        robot.read_others(self.gate.readings)
        setpoint = self.setpoint = self.gate.tick(now, dt, robot.position, robot.velocity)
        robot.set_target(setpoint.target)
        if setpoint.torque_enabled is not self._torque:
            self._torque = setpoint.torque_enabled
            robot.set_torque(setpoint.torque_enabled)
        self.port.publish_applied(now.ros, setpoint)

    def publish_state(self, stamp: float) -> None:
        """Publish what the last tick measured, at `stamp` [s, ROS time]."""
        self.port.publish_state(stamp, self.robot.position, self.robot.velocity, self.robot.effort)

    def report(self, now: Instant) -> GateSummary:
        """Return the gate's state; publish it when it changed or was not published for `GATE_PERIOD`."""
        summary = self.gate.summary(now)
        if summary != self._reported or now.steady - self._last_report >= GATE_PERIOD:
            self._reported, self._last_report = summary, now.steady
            self.port.publish_gate(now.ros, self.gate.report(now))
        return summary

    def is_latched(self, now: Instant) -> bool:
        """Return whether the robot may not move; a report is published when it may not, or none was for `GATE_PERIOD`."""
        latched = self.gate.is_latched_at(now)
        if latched or now.steady - self._last_report >= GATE_PERIOD:
            self.report(now)
        return latched

    def restart(self, now: Instant) -> None:
        """Hold the measured position, after the world was put somewhere else."""
        self.robot.read()
        self.gate.restart(self.robot.position, now)
        self._last_tick = None
        self._torque = None


class ControlLoop:
    """Advances world and robots together.

    Args:
        world: The physics.
        robots: The loops of its robots.
        timestep: Physics timestep [s].
        control_period: Time between two control ticks [s]; a whole multiple of the timestep.

    Attributes:
        ticks: Control ticks made.
    """

    def __init__(
        self, world: SteppedWorld, robots: Sequence[RobotLoop], timestep: float, control_period: float
    ) -> None:
        self.robots = tuple(robots)
        self.timestep = timestep
        self.control_period = control_period
        self.substeps = count_substeps(timestep, control_period)
        self.ticks = 0
        self._world = world
        self._substep = 0
        self._wake: Callable[[], None] | None = None

    def now(self) -> Instant:
        """Return the present: simulated time, and steady time."""
        return Instant(self._world.time, time.monotonic())

    def advance(self) -> bool:
        """Advance by one timestep; the control loop of the simulation.

        A control tick is due every control period. A robot whose gate has news gets one at once, so that a command or
        a stop waits for one timestep, not for a control period.

        Returns:
            True when a regular control tick was due.
        """
        now = self.now()
        is_due = self._substep == 0
        for robot in self.robots:
            if is_due or robot.gate.wants_tick:
                robot.tick(now, self.control_period)
                robot.report(now)
        self._world.step(1)
        self._substep = (self._substep + 1) % self.substeps
        if is_due:
            self.ticks += 1
            for robot in self.robots:
                robot.publish_state(now.ros)
        return is_due

    @property
    def steps_to_tick(self) -> int:
        """Timesteps up to and including the one with which the next regular tick comes."""
        return (self.substeps - self._substep) % self.substeps + 1

    @property
    def wants_tick(self) -> bool:
        """True when the gate of a robot has news for its actuators."""
        return any(robot.gate.wants_tick for robot in self.robots)

    def catch_up(self, count: int) -> bool:
        """Advance by timesteps that are due, as that many calls of `advance` would while no gate has news, in fewer calls of physics.

        Returns:
            True when a regular control tick was due.
        """
        is_due = False
        while count > 0:
            if self._substep == 0:
                is_due = self.advance()
                count -= 1
                continue
            steps = min(count, self.substeps - self._substep)
            self._world.step(steps)
            self._substep = (self._substep + steps) % self.substeps
            count -= steps
        return is_due

    def tick_wanted(self) -> None:
        """Tick the robots whose gates have news; physics does not advance."""
        now = self.now()
        for robot in self.robots:
            if robot.gate.wants_tick:
                robot.tick(now, self.control_period)
                robot.report(now)

    def wake_by(self, wake: Callable[[], None]) -> None:
        """Have every gate call `wake` when it has news, also those of robots that join later."""
        self._wake = wake
        self.set_robots(self.robots)

    def advance_period(self, now: Instant | None = None) -> None:
        """Advance by one whole control period without extra ticks, for lockstep; `now` where the caller knows it already."""
        now = self.now() if now is None else now
        for robot in self.robots:
            robot.tick(now, self.control_period)
            robot.publish_state(now.ros)
        self._world.step(self.substeps)
        self.ticks += 1

    def measure(self) -> None:
        """Read every robot now, without a tick."""
        for robot in self.robots:
            robot.robot.read()

    def report(self, now: Instant | None = None) -> bool:
        """Report every gate; return whether a robot may not move."""
        now = self.now() if now is None else now
        is_latched = False
        for robot in self.robots:
            is_latched |= robot.report(now).latched
        return is_latched

    def is_latched(self, now: Instant) -> bool:
        """Return whether at least one robot may not move; for the inside of a long request, where `report` costs too much."""
        for robot in self.robots:  # noqa: SIM110  (a generator costs as much as what it asks)
            if robot.is_latched(now):
                return True
        return False

    def freeze(self, frozen: bool) -> None:
        """Tell the gates whether the world can advance."""
        for robot in self.robots:
            robot.gate.world_frozen = frozen

    def set_robots(self, robots: Sequence[RobotLoop]) -> None:
        """Control these robots from the next tick on."""
        self.robots = tuple(robots)
        if self._wake is not None:
            for robot in self.robots:
                robot.gate.wake = self._wake

    def set_timestep(self, timestep: float) -> None:
        """Take another physics timestep [s]; next is a control tick.

        Raises:
            ConfigurationError: If the control period is not a whole multiple of it.
        """
        self.substeps = count_substeps(timestep, self.control_period)
        self.timestep, self._substep = timestep, 0

    def hold(self) -> None:
        """Have every robot hold where it is, after it was put there."""
        now = self.now()
        for robot in self.robots:
            robot.restart(now)

    def restart(self) -> None:
        """Start the loop again after a reset of the world: a control tick is next, and every robot holds."""
        self._substep = 0
        self.hold()


def count_substeps(timestep: float, control_period: float) -> int:
    """Return how many timesteps make a control period.

    Raises:
        ConfigurationError: If the period is not a whole multiple of the timestep.
    """
    is_possible = 0.0 < timestep <= control_period <= MOST_SUBSTEPS * timestep
    substeps = round(control_period / timestep) if is_possible else 0
    if substeps < 1 or abs(substeps * timestep - control_period) > 1e-9:
        raise ConfigurationError(
            f"control_period is {control_period} s with a timestep of {timestep} s; valid: a whole multiple of it, at most "
            f"{MOST_SUBSTEPS} times as long"
        )
    return substeps

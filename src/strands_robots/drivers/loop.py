"""The control loop of one real robot, in a thread of its own: read -> gate -> drives -> publish. ROS-free."""

from __future__ import annotations

import threading
import time

import numpy as np

from strands_robots.control.gate import Gate
from strands_robots.control.loop import RobotLoop, RobotPort
from strands_robots.control.readings import Readings
from strands_robots.core.arrays import FloatArray
from strands_robots.core.types import Instant
from strands_robots.drivers.driver import Driver, LinkLostError

SLEW = 0.0005
"""How far the robot's time follows a step of the system's clock in one tick [s]."""


class SteadyRosTime:
    """ROS time of a real robot: steady time that follows the system's clock slowly, so that a step of it moves nothing."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> Instant:
        """Return the present."""
        steady = time.monotonic()
        return Instant(steady + self._offset, steady)

    def follow(self) -> None:
        """Come closer to the system's clock; once a tick."""
        away = time.time() - time.monotonic() - self._offset
        self._offset += min(max(away, -SLEW), SLEW)


class DrivenRobot:
    """A driver as the control loop sees a robot; arrays (D,) in joint order."""

    def __init__(self, name: str, size: int, driver: Driver) -> None:
        self.name = name
        self.driver = driver
        self.position: FloatArray = np.zeros(size)
        self.velocity: FloatArray = np.zeros(size)
        self.effort: FloatArray = np.zeros(size)

    def read(self) -> None:
        """Measure."""
        self.driver.read(self.position, self.velocity, self.effort)

    def read_others(self, readings: Readings) -> None:
        """Pass on temperatures and currents."""
        self.driver.read_others(readings)

    def set_target(self, target: FloatArray) -> None:
        """Send position targets (D,) [rad]."""
        self.driver.set_target(target)

    def set_torque(self, enabled: bool) -> None:
        """Switch torque."""
        self.driver.set_torque(enabled)


class DriverLoop:
    """Runs one robot at a fixed rate.

    Args:
        robot: The connected robot; it was read once.
        gate: Its gate.
        port: Where its state goes.
        period: Control period [s].
        clock: Its time.

    Attributes:
        fault: Why the robot cannot be driven any more; empty while it can. Only a new connection clears it.
        is_active: True while the gate drives the robot.
        ticks, late: Turns made, and those that began more than half a period late.
        worst: Longest turn so far [s].
    """

    def __init__(self, robot: DrivenRobot, gate: Gate, port: RobotPort, period: float, clock: SteadyRosTime) -> None:
        self.robot, self.gate = robot, gate
        self.fault = ""
        self.is_active = False
        self.ticks = self.late = 0
        self.worst = 0.0
        self._loop = RobotLoop(robot, gate, port)
        self._port, self._period, self._clock = port, period, clock
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"drive {robot.name}", daemon=True)

    def start(self) -> None:
        """Begin to read and publish, without torque."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; drives stay as they are."""
        self._over.set()
        self._thread.join(1.0)

    def activate(self) -> None:
        """Hold the measured position with torque, and let the gate drive from now on.

        Torque is on when it returns, unless the gate has taken it (stop category 0 or 1).

        Raises:
            LinkLostError: If the robot cannot be driven.
        """
        with self._lock:
            if self.fault:
                raise LinkLostError(f"{self.fault}; valid: cleanup, configure, activate")
            self.robot.read()
            now = self._clock.now()
            self._loop.restart(now)
            self.robot.set_target(self.robot.position)
            self._loop.tick(now, self._period)
            self.is_active = True

    def deactivate(self, reason: str, timeout: float = 2.0) -> bool:
        """Stop within the limits, then hold without the gate; return whether rest was seen in time [s]."""
        self.gate.stop(reason, self._clock.now())
        end = time.monotonic() + timeout
        is_at_rest = False
        while not is_at_rest and not self.fault and time.monotonic() < end:
            is_at_rest = self.gate.report(self._clock.now()).at_rest
            time.sleep(self._period)
        with self._lock:
            self.is_active = False
        return is_at_rest

    def release(self) -> None:
        """Switch torque off.

        Raises:
            LinkLostError: If a drive does not confirm it.
        """
        with self._lock:
            self.is_active = False
            self.robot.set_torque(False)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._over.is_set():
            with self._lock:
                self._turn()
            self.ticks += 1
            due += self._period
            now = time.monotonic()
            self.worst = max(self.worst, now - due + self._period)
            if now - due > self._period / 2.0:
                self.late += 1
                due = max(due, now - self._period)
            self._over.wait(max(due - now, 0.0))

    def _turn(self) -> None:
        self._clock.follow()
        now = self._clock.now()
        if not self.fault:
            try:
                self._drive(now)
            except LinkLostError as error:
                self.fault = str(error)
                self.is_active = False
                self.gate.interrupt(f"link lost: {error}", now)
        self._loop.report(now)

    def _drive(self, now: Instant) -> None:
        if not self.is_active:
            self.robot.read()
            self.gate.observe(now, self.robot.velocity)
        else:
            complaint = self.robot.driver.complaint
            if complaint and not self.gate.is_latched:
                self.gate.interrupt(complaint, now)
            self._loop.tick(now, self._period)
        self._loop.publish_state(now.ros)

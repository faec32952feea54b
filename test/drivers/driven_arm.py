"""An arm on a simulated bus below a real driver, loop and gate, without ROS; the test is the supervisor."""

from __future__ import annotations

import itertools
import threading
import time
from pathlib import Path

import numpy as np
from graph import wait_for

from strands_robots.control.gate import GateReport, Setpoint
from strands_robots.control.heartbeat import Heartbeat
from strands_robots.core.arrays import FloatArray
from strands_robots.core.chunk import Chunk
from strands_robots.drivers.arms import make_arm
from strands_robots.drivers.driver import DriverError
from strands_robots.drivers.loop import DrivenRobot, DriverLoop, SteadyRosTime
from strands_robots.drivers.making import RealRobot, make_gate

ROBOT = RealRobot.parse("so101=so101")
NAMES = tuple(ROBOT.config.joints)


class Heard:
    """Port that keeps what it is told."""

    def __init__(self) -> None:
        self.positions: list[FloatArray] = []
        self.targets: list[FloatArray] = []

    def publish_state(self, stamp: float, position: FloatArray, velocity: FloatArray, effort: FloatArray) -> None:
        self.positions.append(position.copy())

    def publish_applied(self, stamp: float, setpoint: Setpoint) -> None:
        self.targets.append(setpoint.target.copy())

    def publish_gate(self, stamp: float, report: GateReport) -> None:
        pass


class DrivenArm:
    """A connected, active and armed arm."""

    def __init__(self, port: str, calibration: Path, robot: RealRobot = ROBOT, kind: str = "auto") -> None:
        self.driver = make_arm(robot.config, kind, port, str(calibration), "")
        self.driver.connect()
        self.robot = DrivenRobot("so101", len(NAMES), self.driver)
        self.robot.read()
        self.gate = make_gate(robot, self.driver, self.robot.position, 0.01, -1, "clamp", 0.5, 0.25, 0.5)
        self.heard = Heard()
        self.clock = SteadyRosTime()
        self.loop = DriverLoop(self.robot, self.gate, self.heard, 0.01, self.clock)
        self._numbers = itertools.count(1)
        self._epoch = 0
        self._over = threading.Event()
        self._beats = threading.Thread(target=self._beat, daemon=True)
        self.loop.start()
        try:
            self.loop.activate()
        except DriverError:
            self.loop.stop()
            self.driver.disconnect()
            raise
        self._beats.start()

    def arm(self) -> None:
        """Arm, as a resume does."""
        self._epoch += 1
        wait_for(lambda: not self.gate.is_latched, what="armed")
        time.sleep(0.02)

    def go(self, joint: str, position: float) -> None:
        """Command one joint [rad]."""
        now = self.clock.now().ros
        values = np.array([[position]])
        verdict = self.gate.submit(
            Chunk("operator/test", time.time_ns(), now, 0.5, (joint,), values), "command", self.clock.now()
        )
        assert verdict.accepted, verdict

    def report(self) -> GateReport:
        return self.gate.report(self.clock.now())

    def position(self, joint: str) -> float:
        return float(self.robot.position[NAMES.index(joint)])

    def close(self) -> None:
        self._over.set()
        self._beats.join()
        self.loop.stop()
        self.driver.disconnect()

    def _beat(self) -> None:
        while not self._over.wait(0.05):
            beat = Heartbeat(
                session="test", sequence=next(self._numbers), armed=self._epoch > 0, arm_epoch=self._epoch,
                admitted={"so101": self.gate.config.session}, latch_counts={"so101": self.report().latch_count},
            )  # fmt: skip
            self.gate.on_heartbeat(beat, self.clock.now())

"""The control loop of a real robot: what it says at rest without being driven, and what a step of the system's clock moves."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
from graph import wait_for

from strands_robots.control.readings import Readings
from strands_robots.core.arrays import FloatArray
from strands_robots.drivers.driver import Health
from strands_robots.drivers.loop import DrivenRobot, DriverLoop, SteadyRosTime
from strands_robots.drivers.making import RealRobot, make_gate

ROBOT = RealRobot.parse("so101=so101")
SIZE = len(ROBOT.config.joints)


class Still:
    """A driver of an arm that stands."""

    measures: tuple[str, ...] = ()
    sag_time = 0.03

    def __init__(self) -> None:
        self.health, self.identity, self.complaint = Health(), {}, ""
        self.targets: list[FloatArray] = []

    def connect(self) -> None: ...

    def read(self, position: FloatArray, velocity: FloatArray, effort: FloatArray) -> None:
        position[:] = 0.1
        velocity[:] = 0.0

    def read_others(self, readings: Readings) -> None: ...

    def set_target(self, target: FloatArray) -> None:
        self.targets.append(target.copy())

    def set_torque(self, enabled: bool) -> None: ...

    def disconnect(self) -> None: ...


class Nowhere:
    """A port that tells nobody."""

    def __getattr__(self, name: str) -> object:
        return lambda *arguments: None


@pytest.fixture
def loop() -> Iterator[DriverLoop]:
    robot = DrivenRobot("so101", SIZE, Still())
    robot.read()
    gate = make_gate(ROBOT, robot.driver, robot.position, 0.01, -1, "clamp", 0.5, 0.5, 0.5)
    loop = DriverLoop(robot, gate, Nowhere(), 0.01, SteadyRosTime())  # type: ignore[arg-type]
    loop.start()
    yield loop
    loop.stop()


def test_robot_that_is_not_driven_reports_the_rest_that_it_measures(loop: DriverLoop) -> None:
    clock = SteadyRosTime()
    wait_for(lambda: loop.gate.report(clock.now()).at_rest, 3.0, "rest before it is activated")
    loop.activate()
    assert loop.deactivate("test")
    ticks = loop.ticks
    wait_for(lambda: loop.ticks > ticks + 70, 5.0, "longer than measurements count without a new one")
    assert loop.gate.report(clock.now()).at_rest, "evidence of rest goes on after a deactivation"


def test_step_of_the_systems_clock_moves_no_set_point(loop: DriverLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    loop.activate()
    driver = loop.robot.driver
    real = time.time
    for step in (3600.0, -3600.0):
        monkeypatch.setattr(time, "time", lambda step=step: real() + step)
        before = len(driver.targets)  # type: ignore[attr-defined]
        wait_for(lambda: len(driver.targets) > before + 30, 5.0, "ticks")  # type: ignore[attr-defined] # noqa: B023
    assert np.abs(np.array(driver.targets) - 0.1).max() < 1e-9  # type: ignore[attr-defined]

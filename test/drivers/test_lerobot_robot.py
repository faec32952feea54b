"""Arms behind a class of LeRobot: its own SO101Follower on the simulated bus, driven by the generic driver."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from graph import wait_for

from strands_robots.core.errors import ConfigurationError
from strands_robots.description.robot_config import load_robot
from strands_robots.drivers.arms import make_arm
from strands_robots.drivers.driver import DriverError, LinkLostError

from .driven_arm import ROBOT, DrivenArm
from .simulated_bus import MOUNTS, SimulatedBus, write_calibration

pytestmark = [pytest.mark.learning, pytest.mark.flaky(reruns=2, reruns_delay=1)]


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedBus]:
    pytest.importorskip("lerobot.robots.so_follower")
    bus = SimulatedBus(tmp_path_factory.mktemp("bus"))
    yield bus
    bus.close()


@pytest.fixture
def arm(bus: SimulatedBus, tmp_path: Path) -> Iterator[DrivenArm]:
    bus.do("heal")
    arm = DrivenArm(bus.port, write_calibration(tmp_path / "mine.json"), ROBOT, "lerobot")
    try:
        arm.arm()
        yield arm
    finally:
        arm.close()


def test_command_in_radians_moves_the_joint_that_it_names(bus: SimulatedBus, arm: DrivenArm) -> None:
    arm.go("shoulder_pan", 0.5)
    wait_for(lambda: abs(arm.position("shoulder_pan") - 0.5) < 0.03, what="the joint")
    wait_for(lambda: abs(bus.joint("shoulder_pan") - 0.5) < 0.03, what="the truth")
    arm.go("gripper", 1.0)
    wait_for(lambda: abs(bus.joint("gripper") - 1.0) < 0.05, what="the gripper, whose numbers are percent there")
    assert bus.torque() == "111111" and not arm.gate.is_latched


def test_unplugged_cable_is_a_lost_link_with_the_first_reason(bus: SimulatedBus, arm: DrivenArm) -> None:
    bus.do("unplug")
    wait_for(lambda: arm.loop.fault, 5.0, "the fault")
    assert arm.gate.is_latched and "so101_follower" in arm.loop.fault and "in use" not in arm.loop.fault
    with pytest.raises(LinkLostError):
        arm.loop.activate()
    bus.do("plug")
    time.sleep(0.2)
    assert arm.loop.fault


def test_calibration_of_another_arm_is_refused(bus: SimulatedBus, tmp_path: Path) -> None:
    bus.do("heal")
    stranger = write_calibration(tmp_path / "other.json", (MOUNTS[0] + 40, *MOUNTS[1:]))
    with pytest.raises(DriverError, match="of another arm"):
        make_arm(load_robot("so101"), "lerobot", bus.port, str(stranger), "").connect()


def test_robot_that_lerobot_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"valid: hardware.lerobot"):
        make_arm(load_robot("panda"), "lerobot", "/dev/nothing", str(tmp_path / "a.json"), "")

"""What a real arm's driver does when cable, servos, power or people fail; the arm is the simulated bus."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from graph import wait_for

from strands_robots.drivers.driver import DriverError, LinkLostError

from .simulated_bus import MOUNTS, SimulatedBus, write_calibration

pytest.importorskip("lerobot.motors.feetech")
from .driven_arm import DrivenArm


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedBus]:
    bus = SimulatedBus(tmp_path_factory.mktemp("bus"))
    yield bus
    bus.close()


@pytest.fixture
def calibration(tmp_path: Path) -> Path:
    return write_calibration(tmp_path / "mine.json")


@pytest.fixture
def arm(bus: SimulatedBus, calibration: Path) -> Iterator[DrivenArm]:
    bus.do("heal")
    arm = DrivenArm(bus.port, calibration)
    arm.arm()
    yield arm
    arm.close()
    bus.do("heal")


def other_end(arm: DrivenArm) -> float:
    return 0.8 if arm.position("shoulder_pan") < 0.0 else -0.8


def test_command_moves_the_joint_that_it_names_to_within_a_degree_or_two(bus: SimulatedBus, arm: DrivenArm) -> None:
    arm.go("shoulder_pan", 0.5)
    wait_for(lambda: abs(arm.position("shoulder_pan") - 0.5) < 0.03, what="the joint")
    wait_for(lambda: abs(bus.joint("shoulder_pan") - arm.position("shoulder_pan")) < 0.01, what="the truth")


def test_activation_holds_the_measured_position(bus: SimulatedBus, arm: DrivenArm) -> None:
    assert np.abs(arm.heard.targets[0] - arm.heard.positions[0]).max() < 0.05
    assert bus.torque() == "111111"


def test_five_percent_lost_packets_are_counted_and_the_arm_runs(bus: SimulatedBus, arm: DrivenArm) -> None:
    bus.do("drop 5")
    goal = other_end(arm)
    arm.go("shoulder_pan", goal)
    wait_for(lambda: abs(arm.position("shoulder_pan") - goal) < 0.05, what="the joint")
    assert arm.driver.health.counts["missing"] > 0 and arm.driver.health.incomplete > 0
    assert not arm.loop.fault and not arm.gate.is_latched


def test_damaged_answers_are_never_taken_for_positions(bus: SimulatedBus, arm: DrivenArm) -> None:
    bus.do("corrupt 10")
    before = arm.driver.health.cycles
    wait_for(lambda: arm.driver.health.cycles > before + 150, what="150 reads")
    assert arm.driver.health.counts["checksum"] > 10
    positions = np.array(arm.heard.positions[-150:])
    assert np.ptp(positions, axis=0).max() < 0.05
    assert not arm.gate.is_latched


def test_stalled_joint_stops_the_robot(bus: SimulatedBus, arm: DrivenArm) -> None:
    bus.do("stall shoulder_pan")
    arm.go("shoulder_pan", other_end(arm))
    wait_for(lambda: arm.gate.is_latched, what="stopped")
    assert arm.report().alarm in ("tracking", "current")
    assert "shoulder_pan" in arm.report().latch_reason


def test_overheated_servo_stops_the_robot_by_name(bus: SimulatedBus, arm: DrivenArm) -> None:
    bus.do("temperature elbow_flex 90")
    wait_for(lambda: arm.gate.is_latched, what="stopped")
    assert "elbow_flex" in arm.report().latch_reason and "overheat" in arm.report().latch_reason


def test_brown_out_that_took_the_torque_stops_the_robot(bus: SimulatedBus, arm: DrivenArm) -> None:
    bus.do("voltage 3.0")
    bus.do("voltage 12")
    wait_for(lambda: arm.gate.is_latched, what="stopped")


def test_unplugged_in_motion_is_a_fault_that_only_a_new_connection_ends(
    bus: SimulatedBus, arm: DrivenArm, calibration: Path
) -> None:
    arm.go("shoulder_pan", other_end(arm))
    start = arm.position("shoulder_pan")
    wait_for(lambda: abs(arm.position("shoulder_pan") - start) > 0.1, what="motion")
    bus.do("unplug")
    wait_for(lambda: arm.loop.fault, 1.0, "the fault")
    assert arm.gate.is_latched and "link lost" in arm.report().latch_reason
    bus.do("plug")
    time.sleep(0.3)
    assert arm.loop.fault and not arm.loop.is_active
    with pytest.raises(LinkLostError, match="configure"):
        arm.loop.activate()
    arm.loop.stop()
    arm.driver.disconnect()
    before = bus.joint("shoulder_pan")
    again = DrivenArm(bus.port, calibration)
    try:
        time.sleep(0.3)
        assert bus.joint("shoulder_pan") == pytest.approx(before, abs=0.03), "no jump"
    finally:
        again.close()


def test_wrong_port_names_the_ports_found(calibration: Path, tmp_path: Path) -> None:
    with pytest.raises(DriverError, match=r"does not exist; found: "):
        DrivenArm(str(tmp_path / "nothing"), calibration)
    with pytest.raises(DriverError, match="no serial port"):
        DrivenArm(str(calibration), calibration)


def test_port_where_no_arm_answers_is_said_with_its_baud_rate(calibration: Path) -> None:
    master, slave = os.openpty()
    try:
        with pytest.raises(DriverError, match="1000000 baud"):
            DrivenArm(os.ttyname(slave), calibration)
    finally:
        os.close(master)
        os.close(slave)


def test_second_driver_on_one_port_is_refused(bus: SimulatedBus, arm: DrivenArm, calibration: Path) -> None:
    with pytest.raises(DriverError, match="busy"):
        DrivenArm(bus.port, calibration)
    assert not arm.loop.fault


def test_port_that_another_program_uses_is_refused_with_its_name(bus: SimulatedBus, calibration: Path) -> None:
    code = f"import os,time; os.open({bus.port!r}, os.O_RDWR|os.O_NOCTTY); print(flush=True); time.sleep(60)"
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert other.stdout is not None
    try:
        other.stdout.readline()
        with pytest.raises(DriverError, match=f"pid {other.pid}"):
            DrivenArm(bus.port, calibration)
    finally:
        other.kill()
        other.wait()


def test_calibration_that_is_missing_or_of_another_arm_is_refused(bus: SimulatedBus, tmp_path: Path) -> None:
    with pytest.raises(DriverError, match="lerobot-calibrate"):
        DrivenArm(bus.port, tmp_path / "none.json")
    other = write_calibration(tmp_path / "other.json", (MOUNTS[0] + 40, *MOUNTS[1:]))
    with pytest.raises(DriverError, match=r"another arm: 'shoulder_pan'"):
        DrivenArm(bus.port, other)


def test_killed_driver_leaves_the_arm_holding_and_its_successor_makes_no_jump(
    bus: SimulatedBus, calibration: Path
) -> None:
    bus.do("heal")
    code = (
        "import sys, time; from pathlib import Path; sys.path.insert(0, sys.argv[1]);"
        "from drivers.driven_arm import DrivenArm;"
        "arm = DrivenArm(sys.argv[2], Path(sys.argv[3])); arm.arm(); arm.go('shoulder_lift', -0.3); time.sleep(0.3);"
        "print('moving', flush=True); time.sleep(60)"
    )
    arguments = [sys.executable, "-c", code, str(Path(__file__).parents[1]), bus.port, str(calibration)]
    first = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None and first.stdout.readline() == "moving\n"
    first.send_signal(signal.SIGKILL)
    first.wait()
    time.sleep(0.5)
    assert bus.torque() == "111111"
    held = bus.joint("shoulder_lift")
    second = DrivenArm(bus.port, calibration)
    try:
        time.sleep(0.5)
        assert bus.joint("shoulder_lift") == pytest.approx(held, abs=0.05)
        assert np.ptp(np.array(second.heard.positions)[:, 1]) < 0.05
    finally:
        second.close()

"""Our driver of Dynamixel arms, with the Koch on the simulated bus: motion, faults, and what the protocol makes difficult."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from graph import wait_for

from strands_robots.description.robot_config import load_robot
from strands_robots.drivers.calibration import load_calibration
from strands_robots.drivers.driver import DriverError
from strands_robots.drivers.dynamixel import DynamixelDriver
from strands_robots.drivers.dynamixel_cycle import DynamixelCycle
from strands_robots.drivers.feetech import FeetechDriver
from strands_robots.drivers.making import RealRobot
from strands_robots.drivers.servo_driver import ServoOptions
from strands_robots.servo_bus.bus import ServoBus
from strands_robots.servo_bus.dynamixel_protocol import status
from strands_robots.servo_bus.dynamixel_registers import MODELS
from strands_robots.servo_bus.dynamixel_servo import DynamixelServo
from strands_robots.servo_bus.dynamixel_wire import dynamixel_wire

from .driven_arm import NAMES, DrivenArm
from .simulated_bus import MOUNTS, SimulatedBus, write_calibration, write_dynamixel_calibration

KOCH = RealRobot.parse("so101=koch")


class _Pipe:
    """A cycle and servos on two ends of a socket, without time and without a process."""

    def __init__(self, models: list[str]) -> None:
        import socket

        self.servos = [DynamixelServo(i + 1, model, 2047, (-1000, 1000)) for i, model in enumerate(models)]
        self.bus = ServoBus(self.servos, wire=dynamixel_wire())
        self.host, self.line = socket.socketpair()
        self.host.setblocking(False)
        self.line.setblocking(False)
        self.counts: Counter[str] = Counter()
        numbers = [servo.number for servo in self.servos]
        self.cycle = DynamixelCycle(
            self.host.fileno(), numbers, [MODELS[model] for model in models], 0.001, self.counts
        )

    def exchange(self) -> int:
        """One read, answered before it is waited for: the request that was sent last is answered first."""
        cycle = self.cycle
        send = cycle.send

        def answer(data: bytes | bytearray) -> None:
            send(data)
            self.line.sendall(self.bus.receive(self.line.recv(4096), 1_000_000))

        cycle.send = answer  # type: ignore[method-assign]
        try:
            return cycle.read()
        finally:
            cycle.send = send  # type: ignore[method-assign]

    def write(self, goals: list[float]) -> None:
        self.cycle.write(np.array(goals))
        self.bus.receive(self.line.recv(4096), 1_000_000)


def test_numbers_come_in_steps_volts_and_amperes() -> None:
    pipe = _Pipe(["xl430-w250", "xl330-m288"])
    pipe.servos[0].feel(100, 156, 0.25)
    pipe.servos[1].feel(-200, -156, -0.5)
    assert pipe.exchange() == 2
    cycle = pipe.cycle
    assert cycle.position.tolist() == [2147, 1847]
    assert cycle.velocity == pytest.approx([156, -156], abs=8)
    assert cycle.load == pytest.approx([0.25, -0.5], abs=0.01)
    assert cycle.voltage == pytest.approx([12.0, 5.0])
    assert np.isnan(cycle.current[0]) and cycle.current[1] == pytest.approx(0.735, abs=0.01)


def test_answers_with_headers_inside_them_are_read_right() -> None:
    """Velocity -1 is FF FF FF FF; with a position that begins with FD a header stands in the middle of the data."""
    pipe = _Pipe(["xl330-m288"])
    pipe.servos[0].feel(0x8FD - 2047, -16, 0.0)
    assert pipe.exchange() == 1
    assert pipe.cycle.position.tolist() == [0x8FD]
    assert pipe.counts["checksum"] == 0


@pytest.mark.parametrize(
    "data", ["ff ff fd", "ff ff fd fd", "ff ff fd fd fd", "ff ff ff fd ff ff fd 00", "fd fd ff fd"]
)
def test_stuffing_comes_out_of_any_data(data: str) -> None:
    pipe = _Pipe(["xl330-m288"])
    raw = b"\x00" + bytes.fromhex(data)
    packet = status(1, 0, bytes.fromhex(data))
    pipe.cycle.buffer[: len(packet)] = packet
    count = pipe.cycle._unstuff(8, len(packet) - 2)
    assert bytes(pipe.cycle._body[:count]) == raw


def test_damaged_answers_are_counted_and_change_nothing() -> None:
    pipe = _Pipe(["xl330-m288"])
    pipe.exchange()
    pipe.bus.faults.corrupt = 1.0
    pipe.servos[0].feel(500, 0, 0.0)
    answered = [pipe.exchange() for _ in range(20)]
    assert sum(answered) == 0 and pipe.counts["missing"] == 20
    assert pipe.cycle.position.tolist() == [2047]


def test_goals_below_zero_and_over_a_turn_arrive() -> None:
    pipe = _Pipe(["xl330-m288", "xl430-w250"])
    pipe.write([-300.0, 5000.0])
    assert [servo.goal + 2047 for servo in pipe.servos] == [-300, 5000]


def test_only_servos_that_count_turns_are_counted_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    so101 = load_robot("so101")
    feetech = FeetechDriver(so101, ServoOptions("", write_calibration(tmp_path / "f.json")))
    dynamixel = DynamixelDriver(KOCH.config, ServoOptions("", write_dynamixel_calibration(tmp_path / "d.json", "koch")))
    for driver, position, turn in ((feetech, 3, 0.0), (dynamixel, 2047 - 4096, 4096.0), (dynamixel, 5000, -4096.0)):
        monkeypatch.setattr(driver, "number", lambda key, name, position=position: position)
        calibration = load_calibration(driver.options.calibration, driver.names)
        assert driver._turns(calibration).tolist()[:3] == [turn] * 3


def test_alert_is_looked_at_at_once() -> None:
    pipe = _Pipe(["xl330-m288"])
    pipe.exchange()
    pipe.servos[0].temperature = 90
    pipe.exchange()
    pipe.exchange()
    assert pipe.cycle.complaint() == (0, "overheat")
    assert pipe.cycle.torque.tolist() == [0.0] and pipe.counts["overheat"] == 1


bus_tests = [pytest.mark.learning, pytest.mark.flaky(reruns=2, reruns_delay=1)]


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedBus]:
    pytest.importorskip("dynamixel_sdk")
    bus = SimulatedBus(tmp_path_factory.mktemp("bus"), MOUNTS, "--robot", "koch")
    yield bus
    bus.close()


@pytest.fixture
def calibration(tmp_path: Path) -> Path:
    return write_dynamixel_calibration(tmp_path / "mine.json", "koch")


@pytest.fixture
def arm(bus: SimulatedBus, calibration: Path) -> Iterator[DrivenArm]:
    bus.do("heal")
    arm = DrivenArm(bus.port, calibration, KOCH)
    try:
        arm.arm()
        yield arm
    finally:
        arm.close()
        bus.do("heal")


class TestOnTheBus:
    pytestmark = bus_tests

    def test_command_moves_the_joint_that_it_names(self, bus: SimulatedBus, arm: DrivenArm) -> None:
        arm.go("shoulder_pan", 0.5)
        wait_for(lambda: abs(arm.position("shoulder_pan") - 0.5) < 0.03, what="the joint")
        wait_for(lambda: abs(bus.joint("shoulder_pan") - arm.position("shoulder_pan")) < 0.01, what="the truth")
        before = arm.position("gripper")
        arm.go("gripper", 1.2)
        wait_for(lambda: abs(arm.position("gripper") - 1.2) < 0.05 and before < 1.0, what="the gripper")
        assert not arm.gate.is_latched and arm.driver.health.voltage == pytest.approx(5.0)

    def test_activation_holds_the_measured_position(self, bus: SimulatedBus, arm: DrivenArm) -> None:
        assert np.abs(arm.heard.targets[0] - arm.heard.positions[0]).max() < 0.05
        assert bus.torque() == "111111"

    def test_overheated_servo_stops_the_robot_and_is_refused_until_its_supply_was_off(
        self, bus: SimulatedBus, arm: DrivenArm, calibration: Path
    ) -> None:
        bus.do("temperature elbow_flex 90")
        wait_for(lambda: arm.gate.is_latched, what="stopped")
        assert "elbow_flex" in arm.report().latch_reason and "overheat" in arm.report().latch_reason
        arm.loop.stop()
        arm.driver.disconnect()
        with pytest.raises(DriverError, match=r"'elbow_flex' reports overheat; valid: .*supply off and on"):
            DrivenArm(bus.port, calibration, KOCH)
        bus.do("heal")
        DrivenArm(bus.port, calibration, KOCH).close()

    def test_joint_that_began_in_another_turn_is_where_it_is(
        self, bus: SimulatedBus, calibration: Path, tmp_path: Path
    ) -> None:
        """A horn mounted near the sensor's jump: after power-up the servo counts from the other side of it."""
        folder = tmp_path / "other"
        folder.mkdir()
        mounts = (*MOUNTS[:2], 4000, *MOUNTS[3:])
        other = SimulatedBus(folder, mounts, "--robot", "koch", "--no-holds")
        arm = None
        try:
            for joint in NAMES:
                other.do(f"stall {joint}")
            other.do("place elbow_flex 0.9")
            other.do("voltage 1.0")
            other.do("voltage 12.0")
            other.do("heal")
            arm = DrivenArm(other.port, write_dynamixel_calibration(tmp_path / "o.json", "koch", mounts), KOCH)
            # The arm may still sink between one look and the other.
            wait_for(lambda: abs(arm.position("elbow_flex") - other.joint("elbow_flex")) < 0.02, what="the same turn")
            arm.arm()
            arm.go("elbow_flex", 0.2)
            wait_for(lambda: abs(other.joint("elbow_flex") - 0.2) < 0.05, what="the joint")
        finally:
            if arm is not None:
                arm.close()
            other.close()

    def test_wrong_arm_and_no_arm_are_refused_by_name(self, bus: SimulatedBus, tmp_path: Path) -> None:
        bus.do("heal")
        stranger = write_dynamixel_calibration(tmp_path / "s.json", "koch", (MOUNTS[0] + 40, *MOUNTS[1:]))
        with pytest.raises(DriverError, match=r"another arm: 'shoulder_pan'"):
            DrivenArm(bus.port, stranger, KOCH)
        master, slave = os.openpty()
        try:
            with pytest.raises(DriverError, match=r"no such arm answers on port .* at 1000000 baud"):
                DrivenArm(os.ttyname(slave), stranger, KOCH)
        finally:
            os.close(master)
            os.close(slave)

"""The simulated Dynamixel bus: the manual's packets, the servo's rules, and LeRobot's own unmodified classes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graph import wait_for

from strands_robots.core.errors import ConfigurationError
from strands_robots.description.robot_config import load_robot
from strands_robots.servo_bus.bus import ServoBus
from strands_robots.servo_bus.dynamixel_protocol import (
    ALERT,
    BROADCAST,
    DynamixelInstruction,
    DynamixelPacket,
    DynamixelParser,
    Problem,
    encode,
    status,
)
from strands_robots.servo_bus.dynamixel_registers import DynamixelReg, HardwareError, OperatingMode
from strands_robots.servo_bus.dynamixel_servo import DynamixelServo
from strands_robots.servo_bus.dynamixel_wire import dynamixel_wire
from strands_robots.servo_bus.kinds import servo_kinds

from .simulated_bus import MOUNTS, SimulatedBus, write_dynamixel_calibration

GOAL = DynamixelReg.GOAL_POSITION.value.address


@pytest.mark.parametrize(
    ("data", "packet"),
    [
        (encode(DynamixelPacket(1, DynamixelInstruction.PING)), "ff ff fd 00 01 03 00 01 19 4e"),
        (encode(DynamixelPacket(BROADCAST, DynamixelInstruction.PING)), "ff ff fd 00 fe 03 00 01 31 42"),
        (status(1, 0, bytes((0x06, 0x04, 0x26))), "ff ff fd 00 01 07 00 55 00 06 04 26 65 5d"),
        (encode(DynamixelPacket(1, DynamixelInstruction.READ, bytes((132, 0, 4, 0)))), "ff ff fd 00 01 07 00 02 84 00 04 00 1d 15"),
        (status(1, 0, bytes((0xA6, 0, 0, 0))), "ff ff fd 00 01 08 00 55 00 a6 00 00 00 8c c0"),
        (encode(DynamixelPacket(1, DynamixelInstruction.WRITE, bytes((116, 0, 0, 2, 0, 0)))),
         "ff ff fd 00 01 09 00 03 74 00 00 02 00 00 ca 89"),
    ],
)  # fmt: skip
def test_packets_are_those_of_the_manual(data: bytes, packet: str) -> None:
    assert data == bytes.fromhex(packet)


def test_headers_inside_a_packet_are_stuffed_and_come_out_again() -> None:
    parameters = b"\xff\xff\xfd\x00\xff\xff\xfd\xfd"
    data = encode(DynamixelPacket(3, DynamixelInstruction.WRITE, parameters))
    assert data.count(b"\xff\xff\xfd\x00") == 1
    assert DynamixelParser().feed(data) == [DynamixelPacket(3, DynamixelInstruction.WRITE, parameters)]


def test_parser_finds_packets_between_noise_and_counts_damaged_ones() -> None:
    good = encode(DynamixelPacket(3, DynamixelInstruction.READ, bytes((132, 0, 4, 0))))
    bad = good[:-1] + bytes((good[-1] ^ 1,))
    parser = DynamixelParser()
    found = [packet for byte in b"\x00\xff\xff" + bad + good for packet in parser.feed(bytes((byte,)))]
    assert found == [DynamixelPacket(3, DynamixelInstruction.READ, bytes((132, 0, 4, 0)))]
    assert parser.damaged == 1


def _servo(number: int = 1, model: str = "xl330-m288") -> DynamixelServo:
    return DynamixelServo(number, model, 2047, (-1000, 1000))


def _ask(servos: list[DynamixelServo], packet: DynamixelPacket) -> list[DynamixelPacket]:
    return DynamixelParser().feed(ServoBus(servos, wire=dynamixel_wire()).receive(encode(packet), 1_000_000))


def test_memory_that_lasts_is_refused_while_the_servo_has_torque() -> None:
    servo = _servo()
    servo.hold()
    address = DynamixelReg.OPERATING_MODE.value.address
    refused = _ask([servo], DynamixelPacket(1, DynamixelInstruction.WRITE, bytes((address, 0, OperatingMode.POSITION))))
    assert refused == [DynamixelPacket(1, DynamixelInstruction.STATUS, bytes((Problem.ACCESS,)))]
    assert servo.get(DynamixelReg.OPERATING_MODE) == OperatingMode.EXTENDED_POSITION


@pytest.mark.parametrize(
    ("address", "data", "problem"),
    [
        (DynamixelReg.PRESENT_POSITION.value.address, bytes(4), Problem.ACCESS),
        (DynamixelReg.BAUD_RATE.value.address, b"\x09", Problem.DATA_RANGE),
        (GOAL, b"\x00\x01", Problem.DATA_LENGTH),
        (GOAL, (5000).to_bytes(4, "little"), Problem.DATA_LIMIT),
    ],
)
def test_writes_that_are_not_possible_are_answered_with_the_reason(address: int, data: bytes, problem: Problem) -> None:
    servo = _servo()
    servo.set(DynamixelReg.OPERATING_MODE, OperatingMode.POSITION)
    before = servo.read(0, 120)
    answers = _ask([servo], DynamixelPacket(1, DynamixelInstruction.WRITE, address.to_bytes(2, "little") + data))
    assert answers == [DynamixelPacket(1, DynamixelInstruction.STATUS, bytes((problem,)))]
    assert servo.read(0, 120) == before


def test_registered_write_waits_for_action_and_sync_write_is_not_answered() -> None:
    servos = [_servo(1), _servo(2)]
    prepared = DynamixelPacket(
        1, DynamixelInstruction.REG_WRITE, GOAL.to_bytes(2, "little") + (2100).to_bytes(4, "little")
    )
    assert _ask(servos, prepared) == [DynamixelPacket(1, DynamixelInstruction.STATUS, b"\x00")]
    assert servos[0].get(DynamixelReg.GOAL_POSITION) == 2047
    assert _ask(servos, DynamixelPacket(BROADCAST, DynamixelInstruction.ACTION)) == []
    assert servos[0].get(DynamixelReg.GOAL_POSITION) == 2100
    goals = b"".join(bytes((n,)) + (2000 + n).to_bytes(4, "little", signed=True) for n in (1, 2))
    assert (
        _ask(servos, DynamixelPacket(BROADCAST, DynamixelInstruction.SYNC_WRITE, bytes((GOAL, 0, 4, 0)) + goals)) == []
    )
    assert [servo.get(DynamixelReg.GOAL_POSITION) for servo in servos] == [2001, 2002]


def test_overheated_servo_shuts_down_until_it_is_rebooted() -> None:
    servo = _servo()
    servo.hold()
    servo.temperature = 75
    servo.measure()
    assert not servo.torque and servo.get(DynamixelReg.HARDWARE_ERROR) == HardwareError.OVERHEAT
    servo.temperature = 30
    torque = DynamixelPacket(1, DynamixelInstruction.WRITE, bytes((DynamixelReg.TORQUE_ENABLE.value.address, 0, 1)))
    assert _ask([servo], torque) == [DynamixelPacket(1, DynamixelInstruction.STATUS, bytes((ALERT | Problem.RESULT,)))]
    assert _ask([servo], DynamixelPacket(1, DynamixelInstruction.REBOOT)) == [
        DynamixelPacket(1, DynamixelInstruction.STATUS, b"\x00")
    ]
    assert _ask([servo], torque) == [DynamixelPacket(1, DynamixelInstruction.STATUS, b"\x00")] and servo.torque


def test_large_homing_offset_counts_only_over_several_turns() -> None:
    servo = DynamixelServo(1, "xl430-w250", 500, (-1000, 1000))
    assert servo.get(DynamixelReg.PRESENT_POSITION) == 2047
    servo.set(DynamixelReg.OPERATING_MODE, OperatingMode.POSITION)
    servo.measure()
    assert servo.get(DynamixelReg.PRESENT_POSITION) == 500


def test_robot_and_protocol_must_fit() -> None:
    assert servo_kinds(load_robot("koch"))[0] == "dynamixel"
    with pytest.raises(ConfigurationError, match="protocol feetech"):
        servo_kinds(load_robot("so101"), "dynamixel")
    with pytest.raises(ConfigurationError, match="names no servos"):
        servo_kinds(load_robot("panda"))


@pytest.fixture(scope="module", params=["koch", "omx"])
def bus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, SimulatedBus]]:
    bus = SimulatedBus(tmp_path_factory.mktemp("bus"), MOUNTS, "--robot", request.param, "--protocol", "dynamixel")
    yield request.param, bus
    bus.close()


@pytest.fixture
def follower(bus: tuple[str, SimulatedBus], tmp_path: Path) -> Iterator[Any]:
    pytest.importorskip("dynamixel_sdk")
    robots = pytest.importorskip(f"lerobot.robots.{bus[0]}_follower")
    kind = {"koch": "Koch", "omx": "Omx"}[bus[0]]
    bus[1].do("heal")
    write_dynamixel_calibration(tmp_path / "mine.json", bus[0])
    config = getattr(robots, f"{kind}FollowerConfig")(
        port=bus[1].port, id="mine", calibration_dir=tmp_path, use_degrees=True
    )
    follower = getattr(robots, f"{kind}Follower")(config)
    follower.connect(calibrate=False)
    yield follower
    bus[1].do("heal")
    if follower.is_connected:
        follower.disconnect()


@pytest.mark.learning
@pytest.mark.flaky(reruns=2, reruns_delay=1)
def test_lerobot_finds_the_arm_calibrated_and_moves_it(bus: tuple[str, SimulatedBus], follower: Any) -> None:
    assert follower.is_calibrated
    start = follower.get_observation()
    follower.send_action({**start, "shoulder_pan.pos": 20.0, "gripper.pos": 60.0})
    wait_for(lambda: abs(bus[1].joint("shoulder_pan") - 0.349) < 0.03, what="the joint at 20 degrees")
    wait_for(lambda: abs(follower.get_observation()["gripper.pos"] - 60.0) < 3.0, what="the gripper")
    assert follower.get_observation()["shoulder_pan.pos"] == pytest.approx(20.0, abs=1.5)


@pytest.mark.learning
@pytest.mark.flaky(reruns=2, reruns_delay=1)
def test_lerobot_sees_the_alert_of_an_overheated_servo(bus: tuple[str, SimulatedBus], follower: Any) -> None:
    bus[1].do("temperature elbow_flex 80")
    wait_for(lambda: bus[1].torque()[2] == "0", what="torque off")
    with pytest.raises(RuntimeError, match="Hardware error"):
        follower.bus.read("Present_Temperature", "elbow_flex")
    assert follower.bus.read("Present_Temperature", "wrist_flex") < 40


@pytest.mark.learning
@pytest.mark.flaky(reruns=2, reruns_delay=1)
def test_lerobot_calibrates_an_arm_that_is_moved_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dynamixel_sdk")
    robots = pytest.importorskip("lerobot.robots.koch_follower")
    bus = SimulatedBus(tmp_path, MOUNTS, "--robot", "koch", "--no-calibrated", "--no-holds")
    try:
        config = robots.KochFollowerConfig(port=bus.port, id="new", calibration_dir=tmp_path, use_degrees=True)
        follower = robots.KochFollower(config)
        for joint in load_robot("koch").joints:
            bus.do(f"stall {joint}")
            bus.do(f"place {joint} 0.0")
        monkeypatch.setattr("builtins.input", lambda *_: "")
        limits = load_robot("koch").limits()

        def record(motors: list[str], display_values: bool = True) -> tuple[dict[str, int], dict[str, int]]:
            found: list[dict[str, int]] = []
            for ends in (limits.lower, limits.upper):
                for name in motors:
                    bus.do(f"place {name} {ends[limits.index[name]]:.6f}")
                found.append(follower.bus.sync_read("Present_Position", motors, normalize=False))
            return found[0], found[1]

        follower.bus.connect()
        monkeypatch.setattr(follower.bus, "record_ranges_of_motion", record)
        follower.calibrate()
        assert follower.is_calibrated
        assert follower.calibration["elbow_flex"].homing_offset == 2047 - MOUNTS[2]
        follower.bus.disconnect()
    finally:
        bus.close()

"""The simulated servo bus, driven by lerobot's own classes."""

from __future__ import annotations

import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strands_robots.core.errors import ConfigurationError
from strands_robots.servo_bus.bus import ServoBus
from strands_robots.servo_bus.feetech_protocol import (
    FeetechInstruction,
    FeetechPacket,
    FeetechParser,
    decode_signed,
    encode,
    encode_signed,
)
from strands_robots.servo_bus.feetech_registers import FeetechReg
from strands_robots.servo_bus.servo import ServoMemory

from .simulated_bus import JOINTS, SimulatedBus, wait_for, write_calibration


def test_ping_is_the_packet_of_the_manual() -> None:
    assert encode(FeetechPacket(1, FeetechInstruction.PING)) == bytes.fromhex("ff ff 01 02 01 fb")


def test_parser_finds_packets_between_noise_and_counts_damaged_ones() -> None:
    good = encode(FeetechPacket(3, FeetechInstruction.READ, bytes((56, 2))))
    bad = good[:-1] + bytes((good[-1] ^ 1,))
    parser = FeetechParser()
    found = [packet for byte in b"\x00\xff" + bad + good for packet in parser.feed(bytes((byte,)))]
    assert found == [FeetechPacket(3, FeetechInstruction.READ, bytes((56, 2)))]
    assert parser.damaged == 1


@pytest.mark.parametrize(("value", "bit", "word"), [(5, 15, 5), (-5, 15, 0x8005), (-85, 11, 0x855), (-3000, 11, 0xFFF)])
def test_signed_numbers_are_sign_and_magnitude(value: int, bit: int, word: int) -> None:
    assert encode_signed(value, bit) == word
    assert decode_signed(word, bit) == max(value, -(2**bit - 1))


def _bus(count: int = 3) -> ServoBus:
    return ServoBus([ServoMemory(i + 1, 2047, (-1000, 1000)) for i in range(count)])


def _ask(bus: ServoBus, packet: FeetechPacket, baud_rate: int = 1_000_000) -> list[FeetechPacket]:
    return FeetechParser().feed(bus.receive(encode(packet), baud_rate))


def test_reg_write_waits_for_action() -> None:
    bus = _bus()
    goal = FeetechReg.GOAL_POSITION.value.address
    assert _ask(bus, FeetechPacket(1, FeetechInstruction.REG_WRITE, bytes((goal, 0x10, 0x08)))) == [FeetechPacket(1, 0)]
    assert bus.servos[0].get(FeetechReg.GOAL_POSITION) == 2047
    assert _ask(bus, FeetechPacket(0xFE, FeetechInstruction.ACTION)) == []
    assert bus.servos[0].get(FeetechReg.GOAL_POSITION) == 0x810


def test_another_baud_rate_is_not_answered() -> None:
    assert _ask(_bus(), FeetechPacket(1, FeetechInstruction.PING), 115_200) == []
    assert len(_ask(_bus(), FeetechPacket(0xFE, FeetechInstruction.PING))) == 3


def test_measurements_cannot_be_written() -> None:
    bus = _bus()
    before = bus.servos[0].get(FeetechReg.PRESENT_POSITION)
    _ask(bus, FeetechPacket(1, FeetechInstruction.WRITE, bytes((FeetechReg.PRESENT_POSITION.value.address, 1, 1))))
    assert bus.servos[0].get(FeetechReg.PRESENT_POSITION) == before


def test_half_of_the_packets_dropped_is_half_of_the_answers() -> None:
    bus = _bus(1)
    bus.faults.drop = 0.5
    answered = sum(len(_ask(bus, FeetechPacket(1, FeetechInstruction.PING))) for _ in range(1000))
    assert 200 < answered < 300, "request and answer must both get through"


def test_memory_survives_a_brown_out_only_when_it_was_unlocked() -> None:
    servo = ServoMemory(1, 2047, (-1000, 1000))
    servo.write(FeetechReg.MAX_TEMPERATURE.value.address, bytes((60,)))
    servo.lose_power()
    servo.power_up()
    assert servo.get(FeetechReg.MAX_TEMPERATURE) == 70 and not servo.torque
    servo.write(FeetechReg.LOCK.value.address, b"\x00")
    servo.write(FeetechReg.MAX_TEMPERATURE.value.address, bytes((60,)))
    servo.lose_power()
    servo.power_up()
    assert servo.get(FeetechReg.MAX_TEMPERATURE) == 60


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedBus]:
    bus = SimulatedBus(tmp_path_factory.mktemp("bus"))
    yield bus
    bus.close()


@pytest.fixture
def follower(bus: SimulatedBus, tmp_path: Path) -> Iterator[Any]:
    lerobot = pytest.importorskip("lerobot.robots.so_follower")
    bus.do("heal")
    write_calibration(tmp_path / "mine.json")
    config = lerobot.SO101FollowerConfig(port=bus.port, id="mine", calibration_dir=tmp_path, use_degrees=True)
    follower = lerobot.SO101Follower(config)
    follower.connect(calibrate=False)
    yield follower
    bus.do("heal")
    if follower.is_connected:
        follower.disconnect()


def test_lerobot_finds_the_arm_calibrated_and_moves_it(bus: SimulatedBus, follower: Any) -> None:
    assert follower.is_calibrated
    goal = {"shoulder_pan.pos": 20.0, "shoulder_lift.pos": -30.0, "elbow_flex.pos": 30.0, "gripper.pos": 60.0}
    start = follower.get_observation()
    follower.send_action({**start, **goal})
    wait_for(lambda: abs(bus.joint("shoulder_pan") - 0.349) < 0.03, what="the joint at 20 degrees")
    wait_for(lambda: abs(follower.get_observation()["gripper.pos"] - 60.0) < 3.0, what="the gripper")
    observation = follower.get_observation()
    assert observation["shoulder_pan.pos"] == pytest.approx(20.0, abs=1.5)
    assert set(observation) == {f"{joint}.pos" for joint in JOINTS}


def test_lerobot_sees_an_overheated_servo_that_has_let_go(bus: SimulatedBus, follower: Any) -> None:
    bus.do("temperature elbow_flex 80")
    wait_for(lambda: bus.torque()[2] == "0", what="torque off")
    with pytest.raises(RuntimeError):
        follower.bus.read("Present_Temperature", "elbow_flex")
    assert follower.bus.read("Present_Temperature", "wrist_flex") < 40


def test_blocked_joint_does_not_move_and_draws_current(bus: SimulatedBus, follower: Any) -> None:
    bus.do("stall shoulder_pan")
    start = bus.joint("shoulder_pan")
    follower.bus.sync_write("Goal_Position", {"shoulder_pan": 40.0 if start < 0 else -40.0})

    def is_pushing() -> bool:
        return bool(follower.bus.read("Present_Current", "shoulder_pan", num_retry=5) > 300)

    wait_for(is_pushing, what="the current of a blocked motor")
    assert bus.joint("shoulder_pan") == pytest.approx(start, abs=0.02)


def test_brown_out_is_silence_and_an_arm_without_torque_afterwards(bus: SimulatedBus, follower: Any) -> None:
    bus.do("voltage 3.5")
    with pytest.raises(ConnectionError):
        follower.get_observation()
    bus.do("voltage 12")
    assert follower.get_observation() and bus.torque() == "000000"


def test_unplugged_terminal_is_gone_for_the_host_and_can_be_opened_after_plugging(
    bus: SimulatedBus, follower: Any
) -> None:
    bus.do("unplug")
    assert not Path(bus.port).exists()
    with pytest.raises((OSError, termios.error)):
        for _ in range(3):
            follower.get_observation()
            time.sleep(0.01)
    bus.do("plug")
    follower.bus.port_handler.closePort()
    # The SDK takes the line for busy after an exception; LeRobot's own disconnect() resets it like this.
    follower.bus.port_handler.is_using = False
    follower.bus.connect()
    assert follower.get_observation()


def test_unknown_fault_is_answered_with_the_valid_ones(bus: SimulatedBus) -> None:
    with pytest.raises(ConfigurationError, match=r"valid: .*unplug"):
        bus.do("explode")
    with pytest.raises(ConfigurationError, match="0 to 100"):
        bus.do("drop 500")

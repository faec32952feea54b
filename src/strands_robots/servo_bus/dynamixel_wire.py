"""What servos of Dynamixel's protocol 2.0 answer to requests. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

from strands_robots.servo_bus.bus_servo import Wire
from strands_robots.servo_bus.dynamixel_protocol import (
    ALERT,
    BROADCAST,
    DynamixelInstruction,
    DynamixelPacket,
    DynamixelParser,
    Problem,
    status,
)
from strands_robots.servo_bus.dynamixel_registers import DynamixelReg
from strands_robots.servo_bus.dynamixel_servo import DynamixelServo


def dynamixel_wire() -> Wire:
    """Return protocol 2.0. Bulk instructions, fast reads and factory reset are not simulated."""
    return Wire(DynamixelParser(), _carry_out)


def _carry_out(packet: DynamixelPacket, servos: Sequence[DynamixelServo]) -> list[bytes]:
    """Carry out one request and return the answers in the order in which they come."""
    data = packet.parameters
    by_number = {servo.number: servo for servo in servos}
    if packet.code in (DynamixelInstruction.SYNC_READ, DynamixelInstruction.SYNC_WRITE):
        if packet.id != BROADCAST or len(data) < 4:
            return []
        address, length = _word(data, 0), _word(data, 2)
        if packet.code == DynamixelInstruction.SYNC_READ:
            return [_read(by_number[n], address, length) for n in data[4:] if n in by_number]
        for start in range(4, len(data) - length, length + 1):
            if data[start] in by_number:
                by_number[data[start]].write(address, data[start + 1 : start + 1 + length])
        return []
    if packet.id != BROADCAST:
        servo = by_number.get(packet.id)
        return [] if servo is None else _answer(servo, packet.code, data)
    answers = [answer for n in sorted(by_number) for answer in _answer(by_number[n], packet.code, data)]
    return answers if packet.code == DynamixelInstruction.PING else []


def _answer(servo: DynamixelServo, code: int, data: bytes) -> list[bytes]:
    level = servo.get(DynamixelReg.RESPONSE_LEVEL)
    if code == DynamixelInstruction.PING:
        return [_status(servo, Problem.NONE, (servo.read(0, 2) or b"") + bytes((servo.get(DynamixelReg.FIRMWARE),)))]
    if code == DynamixelInstruction.READ and len(data) == 4:
        return [_read(servo, _word(data, 0), _word(data, 2))] if level >= 1 else []
    if code == DynamixelInstruction.WRITE and len(data) > 2:
        problem = servo.write(_word(data, 0), data[2:])
    elif code == DynamixelInstruction.REG_WRITE and len(data) > 2:
        problem = servo.prepare(_word(data, 0), data[2:])
    elif code == DynamixelInstruction.ACTION:
        problem = servo.act()
    elif code == DynamixelInstruction.REBOOT:
        servo.power_up()
        problem = Problem.NONE
    else:
        problem = Problem.INSTRUCTION
    return [_status(servo, problem)] if level >= 2 else []


def _read(servo: DynamixelServo, address: int, length: int) -> bytes:
    servo.measure()
    data = servo.read(address, length)
    return _status(servo, Problem.ACCESS) if data is None else _status(servo, Problem.NONE, data)


def _status(servo: DynamixelServo, problem: Problem, data: bytes = b"") -> bytes:
    return status(servo.number, problem | (ALERT if servo.alert else 0), data)


def _word(data: bytes, start: int) -> int:
    return int.from_bytes(data[start : start + 2], "little")

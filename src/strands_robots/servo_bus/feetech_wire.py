"""What servos of Feetech's protocol answer to requests. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

from strands_robots.servo_bus.bus_servo import Wire
from strands_robots.servo_bus.feetech_protocol import (
    BROADCAST,
    FeetechInstruction,
    FeetechPacket,
    FeetechParser,
    encode,
)
from strands_robots.servo_bus.feetech_registers import FeetechReg
from strands_robots.servo_bus.servo import ServoMemory


def feetech_wire() -> Wire:
    """Return the protocol of STS servos."""
    return Wire(FeetechParser(), _carry_out)


def _carry_out(packet: FeetechPacket, servos: Sequence[ServoMemory]) -> list[bytes]:
    return [encode(answer) for answer in _answers(packet, servos)]


def _answers(packet: FeetechPacket, servos: Sequence[ServoMemory]) -> list[FeetechPacket]:
    """Carry out one request and return the answers in the order in which they come."""
    data = packet.parameters
    if packet.code == FeetechInstruction.SYNC_READ and len(data) >= 2:
        by_number = {servo.number: servo for servo in servos}
        return [_read(by_number[n], data[0], data[1]) for n in data[2:] if n in by_number]
    if packet.code == FeetechInstruction.SYNC_WRITE and len(data) >= 2:
        _sync_write(data, servos)
        return []
    addressed = [servo for servo in servos if packet.id in (servo.number, BROADCAST)]
    is_quiet = packet.id == BROADCAST and packet.code != FeetechInstruction.PING
    answers = [answer for servo in addressed if (answer := _answer(servo, packet.code, data)) is not None]
    return [] if is_quiet else answers


def _answer(servo: ServoMemory, code: int, data: bytes) -> FeetechPacket | None:
    number, is_talkative = servo.number, servo.get(FeetechReg.RESPONSE_LEVEL) != 0
    if code == FeetechInstruction.PING:
        return FeetechPacket(number, int(servo.status))
    if code == FeetechInstruction.READ and len(data) == 2:
        return _read(servo, data[0], data[1])
    if code == FeetechInstruction.WRITE and data:
        servo.write(data[0], data[1:])
    elif code == FeetechInstruction.REG_WRITE and data:
        servo.prepare(data[0], data[1:])
    elif code == FeetechInstruction.ACTION:
        servo.act()
    else:
        return None
    return FeetechPacket(number, int(servo.status)) if is_talkative else None


def _read(servo: ServoMemory, address: int, length: int) -> FeetechPacket:
    servo.measure()
    return FeetechPacket(servo.number, int(servo.status), servo.read(address, length))


def _sync_write(data: bytes, servos: Sequence[ServoMemory]) -> None:
    by_number = {servo.number: servo for servo in servos}
    width = data[1] + 1
    for start in range(2, len(data) - width + 1, width):
        servo = by_number.get(data[start])
        if servo is not None:
            servo.write(data[0], data[start + 1 : start + width])

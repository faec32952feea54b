"""What servos of Feetech's protocol answer to requests. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

from strands_robots.servo_bus.bus_servo import Wire
from strands_robots.servo_bus.protocol import BROADCAST, Instruction, Packet, Parser, encode
from strands_robots.servo_bus.registers import Reg
from strands_robots.servo_bus.servo import Servo


def feetech_wire() -> Wire:
    """Return the protocol of STS servos."""
    return Wire(Parser(), _carry_out)


def _carry_out(packet: Packet, servos: Sequence[Servo]) -> list[bytes]:
    return [encode(answer) for answer in _answers(packet, servos)]


def _answers(packet: Packet, servos: Sequence[Servo]) -> list[Packet]:
    """Carry out one request and return the answers in the order in which they come."""
    data = packet.parameters
    if packet.code == Instruction.SYNC_READ and len(data) >= 2:
        by_number = {servo.number: servo for servo in servos}
        return [_read(by_number[n], data[0], data[1]) for n in data[2:] if n in by_number]
    if packet.code == Instruction.SYNC_WRITE and len(data) >= 2:
        _sync_write(data, servos)
        return []
    addressed = [servo for servo in servos if packet.id in (servo.number, BROADCAST)]
    is_quiet = packet.id == BROADCAST and packet.code != Instruction.PING
    answers = [answer for servo in addressed if (answer := _answer(servo, packet.code, data)) is not None]
    return [] if is_quiet else answers


def _answer(servo: Servo, code: int, data: bytes) -> Packet | None:
    number, is_talkative = servo.number, servo.get(Reg.RESPONSE_LEVEL) != 0
    if code == Instruction.PING:
        return Packet(number, int(servo.status))
    if code == Instruction.READ and len(data) == 2:
        return _read(servo, data[0], data[1])
    if code == Instruction.WRITE and data:
        servo.write(data[0], data[1:])
    elif code == Instruction.REG_WRITE and data:
        servo.prepare(data[0], data[1:])
    elif code == Instruction.ACTION:
        servo.act()
    else:
        return None
    return Packet(number, int(servo.status)) if is_talkative else None


def _read(servo: Servo, address: int, length: int) -> Packet:
    servo.measure()
    return Packet(servo.number, int(servo.status), servo.read(address, length))


def _sync_write(data: bytes, servos: Sequence[Servo]) -> None:
    by_number = {servo.number: servo for servo in servos}
    width = data[1] + 1
    for start in range(2, len(data) - width + 1, width):
        servo = by_number.get(data[start])
        if servo is not None:
            servo.write(data[0], data[start + 1 : start + width])

"""The bus: bytes in, bytes out, through the servos and the faults that were asked for. No I/O."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from strands_robots.errors import ConfigurationError
from strands_robots.servo_bus.protocol import BROADCAST, Instruction, Packet, Parser, encode
from strands_robots.servo_bus.registers import BAUD_RATES, Reg
from strands_robots.servo_bus.servo import Servo


@dataclass
class Faults:
    """What is wrong with the line.

    Attributes:
        drop: Part of the packets, requests and answers alike, that get lost, 0 to 1.
        corrupt: Part of the answers with one damaged byte, 0 to 1.
        delay: Time by which every answer is late [s].
    """

    drop: float = 0.0
    corrupt: float = 0.0
    delay: float = 0.0


class ServoBus:
    """Servos on one line.

    Args:
        servos: The servos.
        seed: Of the faults' dice.

    Attributes:
        faults: What is wrong with the line; may be changed at any time.
        requests: Requests understood.
        dropped, corrupted: Packets that were harmed on purpose.
    """

    def __init__(self, servos: Sequence[Servo], seed: int = 0) -> None:
        self.servos = list(servos)
        self.faults = Faults()
        self.requests = self.dropped = self.corrupted = 0
        self._parser = Parser()
        self._dice = random.Random(seed)

    @property
    def damaged(self) -> int:
        """Requests with a wrong checksum."""
        return self._parser.damaged

    def receive(self, data: bytes, baud_rate: int) -> bytes:
        """Return what the servos answer to bytes that the host sent at `baud_rate`."""
        answers = bytearray()
        heard = [servo for servo in self.servos if _baud_rate(servo) == baud_rate and servo.is_powered]
        if not heard:
            self._parser.clear()
            return b""
        for packet in self._parser.feed(data):
            if self._is_lost():
                continue
            self.requests += 1
            for answer in _answers(packet, heard):
                if not self._is_lost():
                    answers += self._harm(encode(answer))
        return bytes(answers)

    def _is_lost(self) -> bool:
        lost = self.faults.drop > 0.0 and self._dice.random() < self.faults.drop
        self.dropped += lost
        return lost

    def _harm(self, data: bytes) -> bytes:
        if self.faults.corrupt <= 0.0 or self._dice.random() >= self.faults.corrupt:
            return data
        self.corrupted += 1
        index = self._dice.randrange(2, len(data))
        return data[:index] + bytes((data[index] ^ 0x55,)) + data[index + 1 :]


def _baud_rate(servo: Servo) -> int:
    index = servo.get(Reg.BAUD_RATE)
    return BAUD_RATES[index] if index < len(BAUD_RATES) else 0


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


def part(text: str) -> float:
    """Return a percentage as a part.

    Raises:
        ConfigurationError: If it is not a number from 0 to 100.
    """
    value = number(text, "percent")
    if not 0.0 <= value <= 100.0:
        raise ConfigurationError(f"percent is {value:g}; valid: 0 to 100")
    return value / 100.0


def number(text: str, name: str) -> float:
    """Return a number.

    Raises:
        ConfigurationError: If the text is none, or not finite.
    """
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e9:
        raise ConfigurationError(f"{name} is '{ascii(text)[1:-1]}'; valid: a number")
    return value

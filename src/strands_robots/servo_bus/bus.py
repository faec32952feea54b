"""The bus: bytes in, bytes out, through the servos and the faults that were asked for. No I/O."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable
from strands_robots.servo_bus.bus_servo import BusServo, Wire
from strands_robots.servo_bus.feetech_wire import feetech_wire


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
        wire: Their protocol; None for Feetech's.

    Attributes:
        faults: What is wrong with the line; may be changed at any time.
        requests: Requests understood.
        dropped, corrupted: Packets that were harmed on purpose.
    """

    def __init__(self, servos: Sequence[BusServo], seed: int = 0, wire: Wire | None = None) -> None:
        self.servos = list(servos)
        self.faults = Faults()
        self.requests = self.dropped = self.corrupted = 0
        self._wire: Wire = feetech_wire() if wire is None else wire
        self._dice = random.Random(seed)

    @property
    def damaged(self) -> int:
        """Requests with a wrong checksum."""
        return self._wire.damaged

    def receive(self, data: bytes, baud_rate: int) -> bytes:
        """Return what the servos answer to bytes that the host sent at `baud_rate`."""
        answers = bytearray()
        heard = [servo for servo in self.servos if servo.baud_rate == baud_rate and servo.is_powered]
        if not heard:
            self._wire.clear()
            return b""
        for request in self._wire.feed(data):
            if self._is_lost():
                continue
            self.requests += 1
            for answer in request(heard):
                if not self._is_lost():
                    answers += self._harm(answer)
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
        raise ConfigurationError(f"{name} is '{printable(text)}'; valid: a number")
    return value

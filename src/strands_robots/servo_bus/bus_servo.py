"""What line, arm and fault commands need of a servo and of its protocol, whichever it is. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol


class BusServo(Protocol):
    """One servo; positions in steps of 1/4096 turn, counted from joint position 0 rad.

    Attributes:
        mount: Sensor at joint position 0 [steps].
        voltage, temperature: What supply and thermometer say [0.1 V], [deg C].
        supply: The supply that it is made for [0.1 V].
        silent_below: Supply below which its processor stops [0.1 V].
        is_powered: False while the supply is too low to answer.
    """

    mount: int
    voltage: int
    temperature: int
    supply: int
    silent_below: int
    is_powered: bool

    @property
    def number(self) -> int:
        """Its address on the bus."""

    @property
    def baud_rate(self) -> int:
        """The rate at which it listens [bit/s]; 0 for none."""

    @property
    def torque(self) -> bool:
        """Whether the motor gives torque."""

    @property
    def strength(self) -> float:
        """Part of its stall torque that the motor may give, 0 to 1."""

    @property
    def goal(self) -> int:
        """Where the motor aims at [steps]."""

    def talk(self, baud_rate: int) -> None:
        """Listen at another baud rate from now on."""

    def hold(self) -> None:
        """Give torque, as a program before may have left it."""

    def feel(self, position: int, velocity: int, effort: float) -> None:
        """Be told position [steps] and velocity [steps/s] of the shaft, and the motor's effort as part of its stall torque."""

    def lose_power(self) -> None:
        """Let go and answer no more."""

    def power_up(self) -> None:
        """Start again with what lasts, without torque."""


Request = Callable[[Sequence[Any]], "list[bytes]"]
"""A request that was understood: what the servos that hear it answer."""


class PacketParser(Protocol):
    """Finds packets of one protocol in a stream of bytes.

    Attributes:
        damaged: Packets with a wrong checksum.
    """

    damaged: int

    def feed(self, data: bytes) -> Sequence[Any]:
        """Return the packets that are complete with `data`."""

    def clear(self) -> None:
        """Forget what was not a whole packet yet."""


class Wire:
    """One protocol: finds requests in the host's bytes.

    Args:
        parser: Finds packets.
        carry_out: Carries out a packet and returns what servos answer.
    """

    def __init__(self, parser: PacketParser, carry_out: Callable[[Any, Sequence[Any]], list[bytes]]) -> None:
        self._parser = parser
        self._carry_out = carry_out

    @property
    def damaged(self) -> int:
        """Requests with a wrong checksum."""
        return self._parser.damaged

    def feed(self, data: bytes) -> list[Request]:
        """Return the requests that are complete with `data`."""
        return [partial(self._carry_out, packet) for packet in self._parser.feed(data)]

    def clear(self) -> None:
        """Forget what was not a whole request yet; after a pause on the line."""
        self._parser.clear()

"""What line, arm and fault commands need of a servo and of its protocol, whichever it is. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


class Wire(Protocol):
    """One protocol: finds requests in the host's bytes."""

    @property
    def damaged(self) -> int:
        """Requests with a wrong checksum."""

    def feed(self, data: bytes) -> list[Request]:
        """Return the requests that are complete with `data`."""

    def clear(self) -> None:
        """Forget what was not a whole request yet; after a pause on the line."""

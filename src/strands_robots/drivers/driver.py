"""What driver_node asks of a real robot, and what can go wrong with one. No I/O."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from strands_robots.control.readings import Readings
from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import StrandsRobotsError


class DriverError(StrandsRobotsError):
    """The robot cannot be reached or used; the message says what was found and what is valid."""


class LinkLostError(DriverError):
    """The link to the robot is gone while it was in use; only an operator connects again."""


@dataclass
class Health:
    """What a driver counts; for diagnostics. Never reset while connected.

    Attributes:
        cycles: Reads of the whole robot.
        incomplete: Reads in which at least one drive did not answer.
        counts: What was wrong, by name ("missing", "checksum", "overheat", ...).
        voltage: Lowest supply of the drives at the last read [V]; NaN before.
    """

    cycles: int = 0
    incomplete: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    voltage: float = float("nan")


class Driver(Protocol):
    """One real robot. Called by one thread at a time; nothing allocates or waits longer than a control period.

    A mobile base is a driver as well: its joints are its wheels, or its planar velocities where `modes` say so.

    Attributes:
        health: Counters.
        measures: What `read_others` fills in, of "temperature" and "current".
        identity: What the robot is, for diagnostics: port, calibration file, its hash and age, firmware.
        sag_time: Gravity and friction hold a joint at rest away from its set-point by less than it moves in this time at its limit [s].
        complaint: What a drive complained about at the last read; empty when none did. The robot is then stopped.
    """

    health: Health
    measures: tuple[str, ...]
    identity: dict[str, str]
    complaint: str
    sag_time: float

    def connect(self) -> None:
        """Reach the robot and check that it is the one that is configured; no torque, no motion.

        Raises:
            DriverError: If it cannot be reached, or is not the one.
        """

    def read(self, position: FloatArray, velocity: FloatArray, effort: FloatArray) -> None:
        """Measure into arrays (D,) [rad], [rad/s], [Nm]; the numbers of a drive that did not answer stay as they are.

        Raises:
            LinkLostError: If the link is gone, or a drive has been silent for too long.
        """

    def read_others(self, readings: Readings) -> None:
        """Pass on temperatures and currents of the last read, and which drives do not act on set-points (`Readings.detached`)."""

    def set_target(self, target: FloatArray) -> None:
        """Send position targets (D,) [rad]; without torque they are kept by the drives for later.

        Raises:
            LinkLostError: If the link is gone.
        """

    def set_torque(self, enabled: bool) -> None:
        """Switch the drives' torque.

        Raises:
            LinkLostError: If a drive does not confirm it.
        """

    def disconnect(self) -> None:
        """Close the link; torque stays as it is. Does nothing when it is closed."""

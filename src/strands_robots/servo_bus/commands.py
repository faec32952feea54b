"""The words with which a person makes a simulated bus fail: one line in, one line out. No I/O."""

from __future__ import annotations

import math
from collections.abc import Callable

from strands_robots.core.errors import ConfigurationError, StrandsRobotsError, UnknownNameError
from strands_robots.servo_bus.arm import ServoArm
from strands_robots.servo_bus.bus import Faults, ServoBus, number, part
from strands_robots.servo_bus.servo import AMBIENT

SPEEDS = (1_000_000, 115_200, 57_600)
"""Baud rates that both protocols know."""

USAGE = {
    "drop": "drop <percent>: lose that part of the packets",
    "corrupt": "corrupt <percent>: damage that part of the answers",
    "delay": "delay <seconds>: answer so much later",
    "stall": "stall <joint>: block a joint",
    "release": "release <joint>: let a blocked joint go",
    "temperature": "temperature <joint> <deg C>: make a servo that hot",
    "voltage": "voltage <volt>: supply of every servo; far below their own they let go and are silent",
    "baud": "baud <rate>: the servos listen at another baud rate",
    "slip": "slip <joint> <degrees>: turn a horn on its shaft: the sensor says so much more in the same pose",
    "place": "place <joint> <rad>: turn a joint without torque by hand",
    "unplug": "unplug: pull the cable; the terminal is gone",
    "plug": "plug: put it in again, on a new terminal",
    "heal": "heal: end every fault but an unplugged cable",
    "status": "status: counters and joint positions",
}


class FaultCommands:
    """Understands the commands.

    Args:
        bus: The bus.
        arm: The arm behind it.
        plug: Pulls the cable (False) or puts it in (True).
    """

    def __init__(self, bus: ServoBus, arm: ServoArm, plug: Callable[[bool], None]) -> None:
        self._bus, self._arm, self._plug = bus, arm, plug

    def run(self, line: str) -> str:
        """Carry out one line and return "ok ..." or "error: ..."."""
        word, *arguments = line.split() or [""]
        try:
            return f"ok {self._do(word, arguments)}".strip()
        except StrandsRobotsError as error:
            return f"error: {error}"

    def _do(self, word: str, arguments: list[str]) -> str:
        if word not in USAGE:
            raise UnknownNameError("command", word, USAGE)
        if len(arguments) != USAGE[word].partition(":")[0].count("<"):
            raise ConfigurationError(f"'{word}' was given {len(arguments)} arguments; valid: {USAGE[word]}")
        faults = self._bus.faults
        if word == "drop":
            faults.drop = part(arguments[0])
        elif word == "corrupt":
            faults.corrupt = part(arguments[0])
        elif word == "delay":
            faults.delay = max(number(arguments[0], "seconds"), 0.0)
        elif word in ("stall", "release"):
            self._arm.block(arguments[0], word == "stall")
        elif word == "temperature":
            degrees = round(number(arguments[1], "temperature"))
            self._arm.servos[self._arm.index(arguments[0])].temperature = min(max(degrees, 0), 255)
        elif word == "voltage":
            self._supply(min(max(round(number(arguments[0], "voltage") * 10.0), 0), 255))
        elif word == "baud":
            self._talk(round(number(arguments[0], "baud rate")))
        elif word == "slip":
            self._arm.slip(arguments[0], math.radians(number(arguments[1], "degrees")))
        elif word == "place":
            self._arm.place(arguments[0], number(arguments[1], "position"))
        elif word in ("unplug", "plug"):
            self._plug(word == "plug")
        elif word == "heal":
            self._heal()
        return self._status() if word == "status" else ""

    def _supply(self, voltage: int) -> None:
        for servo in self._arm.servos:
            servo.voltage = voltage
            if voltage < servo.silent_below:
                servo.lose_power()
            elif not servo.is_powered:
                servo.power_up()

    def _talk(self, baud_rate: int) -> None:
        if baud_rate not in SPEEDS:
            raise ConfigurationError(f"baud rate is {baud_rate}; valid: {', '.join(map(str, SPEEDS))}")
        for servo in self._arm.servos:
            servo.talk(baud_rate)

    def _heal(self) -> None:
        self._bus.faults = Faults()
        self._talk(1_000_000)
        for servo, joint in zip(self._arm.servos, self._arm.robot.joint_names):
            self._arm.block(joint, False)
            is_ill = not servo.is_powered or servo.temperature != AMBIENT or servo.voltage != servo.supply
            servo.temperature, servo.voltage = AMBIENT, servo.supply
            if is_ill:
                # Errors of Dynamixel servos end only with their supply.
                servo.power_up()

    def _status(self) -> str:
        bus, robot = self._bus, self._arm.robot
        joints = " ".join(f"{name}={value:.4f}" for name, value in zip(robot.joint_names, robot.position))
        torque = "".join(str(int(servo.torque)) for servo in self._arm.servos)
        return (
            f"requests={bus.requests} damaged={bus.damaged} dropped={bus.dropped} corrupted={bus.corrupted} "
            f"torque={torque} {joints}"
        )

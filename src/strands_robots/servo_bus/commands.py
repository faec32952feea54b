"""The words with which a person makes a simulated bus fail: one line in, one line out. No I/O."""

from __future__ import annotations

from collections.abc import Callable

from strands_robots.errors import ConfigurationError, StrandsRobotsError, UnknownNameError
from strands_robots.servo_bus.arm import ServoArm
from strands_robots.servo_bus.bus import Faults, ServoBus, number, part

USAGE = {
    "drop": "drop <percent>: lose that part of the packets",
    "corrupt": "corrupt <percent>: damage that part of the answers",
    "delay": "delay <seconds>: answer so much later",
    "stall": "stall <joint>: block a joint",
    "release": "release <joint>: let a blocked joint go",
    "temperature": "temperature <joint> <deg C>: make a servo that hot",
    "voltage": "voltage <volt>: supply of every servo; below 4 V they let go and are silent",
    "unplug": "unplug: pull the cable; the terminal is gone",
    "plug": "plug: put it in again, on a new terminal",
    "heal": "heal: end every fault but an unplugged cable",
    "status": "status: counters and joint positions",
}

SILENT_BELOW = 40
"""Supply below which a servo's processor stops [0.1 V]."""


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
        elif word in ("unplug", "plug"):
            self._plug(word == "plug")
        elif word == "heal":
            self._heal()
        return self._status() if word == "status" else ""

    def _supply(self, voltage: int) -> None:
        for servo in self._arm.servos:
            servo.voltage = voltage
            if voltage < SILENT_BELOW:
                servo.lose_power()
            elif not servo.is_powered:
                servo.power_up()

    def _heal(self) -> None:
        self._bus.faults = Faults()
        for servo, joint in zip(self._arm.servos, self._arm.robot.joint_names):
            servo.temperature = 32
            self._arm.block(joint, False)
        self._supply(120)

    def _status(self) -> str:
        bus, robot = self._bus, self._arm.robot
        joints = " ".join(f"{name}={value:.4f}" for name, value in zip(robot.joint_names, robot.position))
        torque = "".join(str(int(servo.torque)) for servo in self._arm.servos)
        return (
            f"requests={bus.requests} damaged={bus.damaged} dropped={bus.dropped} corrupted={bus.corrupted} "
            f"torque={torque} {joints}"
        )

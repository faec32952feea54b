"""Arms of serial servos: LeRobot's own motor bus connects, checks and configures, and a cycle of ours runs. What all have in common."""

from __future__ import annotations

import enum
import fcntl
import termios
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from strands_robots.control.readings import Readings
from strands_robots.core.arrays import FloatArray
from strands_robots.core.text import printable
from strands_robots.description.robot_config import RobotConfig
from strands_robots.drivers.calibration import Calibration
from strands_robots.drivers.calibration_plausibility import load_plausible
from strands_robots.drivers.driver import DriverError, Health, LinkLostError
from strands_robots.drivers.serial_cycle import SerialCycle
from strands_robots.drivers.serial_ports import PortLock, describe_found
from strands_robots.drivers.servo_questions import ask
from strands_robots.drivers.servo_units import servo_units

RETRIES = 5

LINK_ERRORS = (OSError, RuntimeError, IndexError, termios.error)
"""What LeRobot's bus, the servo SDK and pyserial raise when a servo or the port does not answer.

The SDK indexes answers that were cut off."""


@dataclass(frozen=True)
class ServoOptions:
    """Options of an arm of servos.

    Attributes:
        port: Serial port.
        calibration: LeRobot's calibration file of this arm.
        model: Model of servos that the robot's description does not name, as LeRobot names it.
        read_timeout: Longest wait for the answers of one read [s].
        silence: A servo that has not answered for this long is lost [s].
    """

    port: str
    calibration: Path
    model: str = "sts3215"
    read_timeout: float = 0.006
    silence: float = 0.15


class ServoDriver(ABC):
    """One arm of servos on one port; see `Driver`.

    Args:
        config: The robot; its joints are the servos, by name.
        options: Options.
    """

    measures: tuple[str, ...] = ("temperature", "current")
    sag_time = 0.03
    error_register: str
    """LeRobot's name of the register that says what is wrong with a servo."""
    error_bits: type[enum.IntFlag]
    counts_turns: bool
    """Whether positions go on beyond one turn, from a turn that the servo chose when it was switched on."""

    def __init__(self, config: RobotConfig, options: ServoOptions) -> None:
        self.health = Health()
        self.identity: dict[str, str] = {}
        self.complaint = ""
        self.config, self.options = config, options
        self.names = tuple(config.joints)
        self._limits = config.limits()
        self.bus: Any = None
        self._lock: PortLock | None = None
        self._wants_torque = False
        size = len(self.names)
        self._goals: FloatArray = np.zeros(size)
        self._age: FloatArray = np.zeros(size)
        self._turn: FloatArray = np.zeros(size)

    @abstractmethod
    def make_bus(self, models: Mapping[str, str], calibration: Calibration) -> Any:
        """Return LeRobot's bus, not connected yet, with the model of each joint's servo."""

    @abstractmethod
    def settings(self, name: str) -> tuple[dict[str, int], dict[str, int]]:
        """Return what a servo's memory shall hold: what is written without torque only, and what may be at any time."""

    @abstractmethod
    def make_cycle(self, descriptor: int, numbers: Sequence[int], models: Mapping[str, str]) -> SerialCycle:
        """Return the cycle on the open port."""

    @abstractmethod
    def check_servos(self) -> None:
        """Raise DriverError for servos that must not work together."""

    def connect(self) -> None:
        """See `Driver`."""
        options = self.options
        calibration = load_plausible(options.calibration, self.config)
        models = self._models()
        self._lock = PortLock(options.port)
        try:
            self.bus = self._open(calibration, models)
            self.check_servos()
            self._check_calibration(calibration)
            self._configure()
            descriptor = self.bus.port_handler.ser.fileno()
            fcntl.ioctl(descriptor, termios.TIOCEXCL)
            self._turn = self._turns(calibration)
        except LINK_ERRORS as error:
            self.disconnect()
            raise DriverError(f"port '{options.port}': {one_line(error)}") from error
        except BaseException:  # whatever it was, the port is free for the next try
            self.disconnect()
            raise
        self._cycle = self.make_cycle(descriptor, [calibration.joints[name].id for name in self.names], models)
        self._scale, self._offset = servo_units(self.config, calibration, self.bus.apply_drive_mode)
        self._lowest = np.array([calibration.joints[name].range_min for name in self.names], dtype=np.float64)
        self._highest = np.array([calibration.joints[name].range_max for name in self.names], dtype=np.float64)
        self.identity = {
            "port": options.port,
            "model": self.config.name,
            "servos": ", ".join(sorted(set(models.values()))),
            "calibration": str(calibration.path),
            "calibration_sha256": calibration.sha256,
            "calibration_written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(calibration.written)),
            "calibration_age_days": f"{calibration.age_days:.1f}",
        }

    def read(self, position: FloatArray, velocity: FloatArray, effort: FloatArray) -> None:
        """See `Driver`."""
        cycle, health = self._cycle, self.health
        answered = cycle.read()
        health.cycles += 1
        health.incomplete += answered < len(self.names)
        np.subtract(time.monotonic(), cycle.heard, out=self._age)
        if self._age.max() > self.options.silence:
            name = self.names[int(self._age.argmax())]
            raise LinkLostError(f"'{name}' has not answered for {self._age.max():.2f} s")
        np.add(cycle.position, self._turn, out=position)
        position *= self._scale
        position += self._offset
        np.multiply(cycle.velocity, self._scale, out=velocity)
        np.multiply(cycle.load, self._limits.effort, out=effort)
        health.voltage = float(cycle.voltage.min())
        self.complaint = self._complaint()

    def read_others(self, readings: Readings) -> None:
        """See `Driver`."""
        readings.temperature[:] = self._cycle.temperature
        readings.current[:] = self._cycle.current
        readings.temperature_time = readings.current_time = float(self._cycle.heard.min())
        readings.detached = self.complaint if self._lost_torque() else ""
        np.less(self._cycle.torque, float(bool(readings.detached)), out=readings.is_detached)

    def set_target(self, target: FloatArray) -> None:
        """See `Driver`."""
        goals = self._goals
        np.subtract(target, self._offset, out=goals)
        goals /= self._scale
        np.rint(goals, out=goals)
        np.maximum(goals, self._lowest, out=goals)
        np.minimum(goals, self._highest, out=goals)
        goals -= self._turn
        self._cycle.write(goals)

    def set_torque(self, enabled: bool) -> None:
        """See `Driver`. Before torque is switched on, a target must have been set."""
        switch = self.bus.enable_torque if enabled else self.bus.disable_torque
        self._wants_torque = False
        try:
            switch(num_retry=RETRIES)
        except LINK_ERRORS as error:
            raise LinkLostError(f"torque cannot be switched: {one_line(error)}") from error
        self._wants_torque = enabled
        self._cycle.torque.fill(float(enabled))

    def disconnect(self) -> None:
        """See `Driver`."""
        if self.bus is not None and self.bus.port_handler.is_open:
            try:
                self.bus.disconnect(disable_torque=False)
            except LINK_ERRORS:
                self.health.counts["close_failed"] += 1
        self.bus = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def number(self, key: str, name: str) -> int:
        """Return a register of one servo, by LeRobot's name of it."""
        return int(ask(self.bus, partial(self.bus.read, key, name, normalize=False), LINK_ERRORS))

    def _write(self, key: str, name: str, value: int) -> bool:
        self.bus.write(key, name, value, normalize=False)
        return True

    def _models(self) -> dict[str, str]:
        hardware = self.config.hardware
        if hardware is None or not hardware.servos:
            return dict.fromkeys(self.names, self.options.model)
        return {name: servo.model for name, servo in hardware.servos.items()}

    def _open(self, calibration: Calibration, models: Mapping[str, str]) -> Any:
        """Open the port and find the servos, asking again those that did not answer: LeRobot's own handshake asks each once."""
        bus = self.make_bus(models, calibration)
        bus.connect(handshake=False)
        try:
            found = {number: ask(bus, partial(bus.ping, number), LINK_ERRORS) for number in bus.ids}
            wanted = {motor.id: bus.model_number_table[motor.model] for motor in bus.motors.values()}
            if found == wanted:
                return bus
            problem = self._explain(bus, found, wanted)
        except LINK_ERRORS:
            bus.port_handler.closePort()
            raise
        bus.port_handler.closePort()
        raise problem

    def _explain(self, bus: Any, found: Mapping[int, int | None], wanted: Mapping[int, int]) -> DriverError:
        """Return why the servos are not those that are wanted: in alarm, at another baud rate, others, or not there."""
        there = f"port '{self.options.port}' at {bus.default_baudrate} baud"
        ill = _complaints(bus, self.error_register, self.error_bits)
        if ill:
            return DriverError(
                f"{there}: {ill}; valid: servos without an error. Find the cause, support the arm, and switch its supply off and on"
            )
        others = [f"{n} is model {found[n]}, not {wanted[n]}" for n in wanted if found[n] not in (None, wanted[n])]
        missing = [str(number) for number in wanted if found[number] is None]
        what = "; ".join([*(["servos missing: " + ", ".join(missing)] if missing else []), *others])
        elsewhere = _other_rate(bus) if len(missing) == len(wanted) else ""
        return DriverError(
            f"no such arm answers on {there}: {what}; {elsewhere}valid: the port of a powered '{self.config.name}' with servos "
            f"{', '.join(map(str, wanted))}; found: {describe_found()}"
        )

    def _check_calibration(self, calibration: Calibration) -> None:
        """Refuse a file whose numbers are not those in the servos' memory."""
        for name, joint in calibration.joints.items():
            here = {
                "homing_offset": self.number("Homing_Offset", name),
                "range_min": self.number("Min_Position_Limit", name),
                "range_max": self.number("Max_Position_Limit", name),
            }
            wanted = {key: getattr(joint, key) for key in here}
            if here != wanted:
                raise DriverError(
                    f"calibration '{calibration.path}' is of another arm: '{name}' has {here} in its memory, the file {wanted}; "
                    "valid: this arm's file, or lerobot-calibrate once more"
                )

    def _configure(self) -> None:
        """Write what differs from LeRobot's settings; a servo that is right keeps its torque, so that an arm is not dropped."""
        for name in self.names:
            lasting, passing = self.settings(name)
            different = {key: value for key, value in lasting.items() if self.number(key, name) != value}
            if different:
                self.bus.disable_torque(name, num_retry=RETRIES)
            for key, value in {**different, **passing}.items():
                ask(self.bus, partial(self._write, key, name, value), LINK_ERRORS)

    def _turns(self, calibration: Calibration) -> FloatArray:
        """Return whole turns (D,) [steps] to add to each servo's position, which may have begun in another turn than the calibration's."""
        turns = np.zeros(len(self.names))
        for i, name in enumerate(self.names if self.counts_turns else ()):
            joint = calibration.joints[name]
            middle = 0.5 * (joint.range_min + joint.range_max)
            turns[i] = 4096.0 * round((middle - self.number("Present_Position", name)) / 4096.0)
        return turns

    def _complaint(self) -> str:
        cycle = self._cycle
        i, what = cycle.complaint()
        if what:
            return f"'{self.names[i]}' reports {what} ({cycle.voltage[i]:.1f} V, {cycle.temperature[i]:.0f} deg C)"
        return self._lost_torque()

    def _lost_torque(self) -> str:
        torque = self._cycle.torque
        if self._wants_torque and not torque.all():
            return f"'{self.names[int(torque.argmin())]}' has lost its torque"
        return ""


def _complaints(bus: Any, register: str, bits: type[enum.IntFlag]) -> str:
    """Return in words which servos answer with an error, which LeRobot's bus takes for no answer; empty when none does."""
    found = []
    for name, motor in bus.motors.items():
        address, length = bus.model_ctrl_table[motor.model][register]
        errors, result, alarm = bus._read(address, length, motor.id, num_retry=RETRIES, raise_on_error=False)
        if bus._is_comm_success(result) and (errors or alarm):
            what = "+".join(str(bit.name).lower() for bit in bits if errors & bit) or f"error {alarm}"
            found.append(f"'{name}' reports {what}")
    return ", ".join(found)


def _other_rate(bus: Any) -> str:
    """Return in words at which other baud rate one of the servos answers; empty when none does."""
    rates = sorted({rate for table in bus.model_baudrate_table.values() for rate in table}, reverse=True)
    for rate in rates:
        if rate == bus.default_baudrate:
            continue
        try:
            bus.set_baudrate(rate)
            answering = [number for number in bus.ids if bus.ping(number) is not None]
        except LINK_ERRORS:
            continue
        if answering:
            return (
                f"servos {', '.join(map(str, answering))} answer at {rate} baud: lerobot-setup-motors corrects that; "
            )
    return ""


def one_line(error: BaseException) -> str:
    """Return an error's text, and that of its cause, in one line of ASCII."""
    cause = error.__cause__
    text = "; ".join(line.strip() for line in str(error).splitlines() if line.strip()) or type(error).__name__
    if cause is not None and str(cause) not in text:
        text += f" ({' '.join(str(cause).split())})"
    return printable(text) if not text.isascii() else text

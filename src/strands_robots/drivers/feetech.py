"""SO-100, SO-101 and other arms of STS3215 servos: LeRobot's own motor bus connects and configures, and a cycle of ours runs."""

from __future__ import annotations

import fcntl
import termios
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from strands_robots.drivers.calibration import Calibration, load_calibration
from strands_robots.drivers.driver import DriverError, Health, LinkLostError
from strands_robots.drivers.feetech_cycle import FeetechCycle
from strands_robots.drivers.ports import PortLock, describe_found
from strands_robots.errors import ConfigurationError
from strands_robots.lerobot_units import robot_codec
from strands_robots.robot_config import RobotConfig
from strands_robots.safety.readings import Readings
from strands_robots.servo_bus.protocol import StatusBit
from strands_robots.servo_bus.registers import CURRENT_UNIT, LOAD_UNIT, VOLTAGE_UNIT
from strands_robots.types import FloatArray

RETRIES = 5
ATTEMPTS = 3
"""How often a connection is tried; a lossy line fails sometimes."""

_LINK_ERRORS = (OSError, RuntimeError, termios.error)
"""What LeRobot's bus, the servo SDK and pyserial raise when a servo or the port does not answer."""

_SETTINGS = {"Operating_Mode": 0, "Return_Delay_Time": 0, "P_Coefficient": 16, "I_Coefficient": 0, "D_Coefficient": 32}
_GRIPPER_SETTINGS = {"Max_Torque_Limit": 500, "Protection_Current": 250, "Overload_Torque": 25}
"""As lerobot/robots/so_follower/so_follower.py configures them."""


@dataclass(frozen=True)
class FeetechOptions:
    """Options of an arm of Feetech servos.

    Attributes:
        port: Serial port.
        calibration: LeRobot's calibration file of this arm.
        model: Model of the servos, as LeRobot names it.
        read_timeout: Longest wait for the answers of one read [s].
        silence: A servo that has not answered for this long is lost [s].
    """

    port: str
    calibration: Path
    model: str = "sts3215"
    read_timeout: float = 0.006
    silence: float = 0.15


class FeetechDriver:
    """One arm on a Feetech bus; see `Driver`.

    Args:
        config: The robot; its joints are the servos, by name.
        options: Options.
    """

    measures: tuple[str, ...] = ("temperature", "current")

    def __init__(self, config: RobotConfig, options: FeetechOptions) -> None:
        self.health = Health()
        self.identity: dict[str, str] = {}
        self.complaint = ""
        self._config, self._options = config, options
        self._names = tuple(config.joints)
        self._limits = config.limits()
        self._bus: Any = None
        self._lock: PortLock | None = None
        self._wants_torque = False
        size = len(self._names)
        self._goals: FloatArray = np.zeros(size)
        self._scratch: FloatArray = np.zeros(size)
        self._age: FloatArray = np.zeros(size)

    def connect(self) -> None:
        """See `Driver`."""
        calibration = load_calibration(self._options.calibration, self._names)
        self._lock = PortLock(self._options.port)
        try:
            self._bus = self._open(calibration)
            self._check_calibration(calibration)
            self._configure()
            descriptor = self._bus.port_handler.ser.fileno()
            fcntl.ioctl(descriptor, termios.TIOCEXCL)
        except _LINK_ERRORS as error:
            self.disconnect()
            raise DriverError(f"port '{self._options.port}': {_one_line(error)}") from error
        except DriverError:
            self.disconnect()
            raise
        numbers = [calibration.joints[name].id for name in self._names]
        self._cycle = FeetechCycle(descriptor, numbers, self._options.read_timeout, self.health.counts)
        self._scale, self._offset = self._units(calibration)
        self._lowest = np.array([calibration.joints[name].range_min for name in self._names], dtype=np.float64)
        self._highest = np.array([calibration.joints[name].range_max for name in self._names], dtype=np.float64)
        self.identity = {
            "port": self._options.port,
            "calibration": str(calibration.path),
            "calibration_sha256": calibration.sha256,
            "calibration_age_days": f"{calibration.age_days:.1f}",
        }

    def read(self, position: FloatArray, velocity: FloatArray, effort: FloatArray) -> None:
        """See `Driver`."""
        cycle, health = self._cycle, self.health
        answered = cycle.read()
        health.cycles += 1
        health.incomplete += answered < len(self._names)
        np.subtract(time.monotonic(), cycle.heard, out=self._age)
        if self._age.max() > self._options.silence:
            name = self._names[int(self._age.argmax())]
            raise LinkLostError(f"'{name}' has not answered for {self._age.max():.2f} s")
        np.multiply(cycle.position, self._scale, out=position)
        position += self._offset
        np.multiply(cycle.velocity, self._scale, out=velocity)
        np.multiply(cycle.load, self._limits.effort, out=effort)
        effort *= LOAD_UNIT
        health.voltage = float(cycle.voltage.min()) * VOLTAGE_UNIT
        self.complaint = self._complaint()

    def read_others(self, readings: Readings) -> None:
        """See `Driver`."""
        readings.temperature[:] = self._cycle.temperature
        np.multiply(self._cycle.current, CURRENT_UNIT, out=readings.current)
        readings.temperature_time = readings.current_time = float(self._cycle.heard.min())

    def set_target(self, target: FloatArray) -> None:
        """See `Driver`."""
        goals = self._goals
        np.subtract(target, self._offset, out=goals)
        goals /= self._scale
        np.rint(goals, out=goals)
        np.maximum(goals, self._lowest, out=goals)
        np.minimum(goals, self._highest, out=goals)
        self._cycle.write(goals)

    def set_torque(self, enabled: bool) -> None:
        """See `Driver`. Before torque is switched on, a target must have been set."""
        switch = self._bus.enable_torque if enabled else self._bus.disable_torque
        self._wants_torque = False
        try:
            switch(num_retry=RETRIES)
        except _LINK_ERRORS as error:
            raise LinkLostError(f"torque cannot be switched: {_one_line(error)}") from error
        self._wants_torque = enabled
        self._cycle.torque.fill(float(enabled))

    def disconnect(self) -> None:
        """See `Driver`."""
        if self._bus is not None and self._bus.port_handler.is_open:
            try:
                self._bus.disconnect(disable_torque=False)
            except _LINK_ERRORS:
                self.health.counts["close_failed"] += 1
        self._bus = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _open(self, calibration: Calibration) -> Any:
        try:
            from lerobot.motors import Motor, MotorCalibration, MotorNormMode
            from lerobot.motors.feetech import FeetechMotorsBus
        except ImportError as error:
            raise ConfigurationError(
                f"LeRobot with its Feetech extra is not installed ({error}); install it with: pip install 'lerobot[feetech]'"
            ) from error
        motors = {
            name: Motor(calibration.joints[name].id, self._options.model, MotorNormMode.DEGREES) for name in self._names
        }
        given = {name: MotorCalibration(**vars(joint)) for name, joint in calibration.joints.items()}
        for attempt in range(ATTEMPTS):
            bus = FeetechMotorsBus(self._options.port, motors, given)
            try:
                bus.connect()
            except _LINK_ERRORS as error:
                if bus.port_handler.is_open:
                    bus.port_handler.closePort()
                if attempt == ATTEMPTS - 1:
                    raise DriverError(
                        f"no arm answers on port '{self._options.port}' at {bus.default_baudrate} baud: {_one_line(error)}; "
                        f"valid: the port of a powered arm with servos {', '.join(str(m.id) for m in motors.values())}; "
                        f"found: {describe_found()}"
                    ) from error
            else:
                return bus
        raise AssertionError("unreachable")

    def _check_calibration(self, calibration: Calibration) -> None:
        """Refuse a file whose numbers are not those in the servos' memory."""
        for name, joint in calibration.joints.items():
            here = {
                "homing_offset": self._read("Homing_Offset", name),
                "range_min": self._read("Min_Position_Limit", name),
                "range_max": self._read("Max_Position_Limit", name),
            }
            wanted = {key: getattr(joint, key) for key in here}
            if here != wanted:
                raise DriverError(
                    f"calibration '{calibration.path}' is of another arm: '{name}' has {here} in its memory, the file {wanted}; "
                    "valid: this arm's file, or lerobot-calibrate once more"
                )

    def _configure(self) -> None:
        """Write what differs from LeRobot's settings; a servo that is right keeps its torque, so that an arm is not dropped."""
        gripper = () if self._config.gripper is None else self._config.gripper.joints
        for name in self._names:
            wanted = _SETTINGS | (_GRIPPER_SETTINGS if name in gripper else {})
            different = {key: value for key, value in wanted.items() if self._read(key, name) != value}
            if different:
                self._bus.disable_torque(name, num_retry=RETRIES)
            for key, value in different.items():
                self._bus.write(key, name, value, normalize=False, num_retry=RETRIES)
            for key in ("Maximum_Acceleration", "Acceleration"):
                self._bus.write(key, name, 254, normalize=False, num_retry=RETRIES)

    def _read(self, key: str, name: str) -> int:
        return int(self._bus.read(key, name, normalize=False, num_retry=RETRIES))

    def _units(self, calibration: Calibration) -> tuple[FloatArray, FloatArray]:
        """Return scale [rad/step] and offset [rad] of each servo, through LeRobot's numbers."""
        scale, offset = np.zeros(len(self._names)), np.zeros(len(self._names))
        for i, unit in enumerate(robot_codec(self._config).units):
            joint = calibration.joints[unit.joint]
            if unit.unit == "range_0_100":
                factor = 100.0 / (joint.range_max - joint.range_min)
                zero = -joint.range_min * factor
                if joint.drive_mode:
                    factor, zero = -factor, 100.0 - zero
            else:
                factor = 360.0 / 4095.0
                zero = -0.5 * (joint.range_min + joint.range_max) * factor
            scale[i] = unit.scale * factor
            offset[i] = unit.scale * zero + unit.offset
        return scale, offset

    def _complaint(self) -> str:
        cycle = self._cycle
        if cycle.status.any():
            i = int(cycle.status.argmax())
            names = "+".join(str(bit.name).lower() for bit in StatusBit if int(cycle.status[i]) & bit)
            return f"'{self._names[i]}' reports {names} ({cycle.voltage[i] * VOLTAGE_UNIT:.1f} V, {cycle.temperature[i]:.0f} deg C)"
        if self._wants_torque and not cycle.torque.all():
            return f"'{self._names[int(cycle.torque.argmin())]}' has lost its torque"
        return ""


def _one_line(error: BaseException) -> str:
    cause = error.__cause__
    text = "; ".join(line.strip() for line in str(error).splitlines() if line.strip()) or type(error).__name__
    if cause is not None and str(cause) not in text:
        text += f" ({' '.join(str(cause).split())})"
    return ascii(text)[1:-1] if not text.isascii() else text

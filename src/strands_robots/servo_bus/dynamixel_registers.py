"""Control table of the XL330 and XL430: address, length and sign of what this package uses. No I/O.

Source: Robotis e-manual, "XL330-M288-T", "XL330-M077-T" and "XL430-W250-T", control tables and specifications.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

RESOLUTION = 4096
VELOCITY_UNIT = 0.229 / 60.0 * RESOLUTION
"""[steps/s]; 0.229 rev/min."""
VOLTAGE_UNIT = 0.1
"""[V]"""
LOAD_UNIT = 0.001
"""Part of the stall torque; of models without a current sensor."""
CURRENT_UNIT = 0.001
"""[A]; of models with one."""
EEPROM_END = 64
"""Registers below this one last without supply; they are written only without torque."""
SIZE = 147
FULL_PWM = 885

BAUD_RATES = (9_600, 57_600, 115_200, 1_000_000, 2_000_000, 3_000_000, 4_000_000)
"""By the value of the register `baud_rate`."""


@dataclass(frozen=True)
class DynamixelRegister:
    """One register.

    Attributes:
        address: First byte.
        length: Bytes, low byte first.
        is_signed: Two's complement.
        is_read_only: The host cannot write it.
        valid: Lowest and highest number that can be written; None for every one.
    """

    address: int
    length: int = 1
    is_signed: bool = False
    is_read_only: bool = False
    valid: tuple[int, int] | None = None


class OperatingMode(enum.IntEnum):
    """Values of the register `operating_mode`."""

    CURRENT = 0
    VELOCITY = 1
    POSITION = 3
    EXTENDED_POSITION = 4
    CURRENT_POSITION = 5
    PWM = 16


class HardwareError(enum.IntFlag):
    """Why a servo raises its alert, in the register `hardware_error`; those in `shutdown` also take its torque, until it is rebooted."""

    VOLTAGE = 0x01
    OVERHEAT = 0x04
    ENCODER = 0x08
    SHOCK = 0x10
    OVERLOAD = 0x20


class DynamixelReg(enum.Enum):
    """The registers by name."""

    MODEL = DynamixelRegister(0, 2, is_read_only=True)
    INFORMATION = DynamixelRegister(2, 4, is_read_only=True)
    FIRMWARE = DynamixelRegister(6, is_read_only=True)
    ID = DynamixelRegister(7, valid=(0, 252))
    BAUD_RATE = DynamixelRegister(8, valid=(0, len(BAUD_RATES) - 1))
    RETURN_DELAY = DynamixelRegister(9, valid=(0, 254))
    # Bit 0, the reverse mode, is not simulated; LeRobot's arms do not use it.
    DRIVE_MODE = DynamixelRegister(10, valid=(0, 0))
    OPERATING_MODE = DynamixelRegister(11, valid=(0, 16))
    SECONDARY_ID = DynamixelRegister(12)
    PROTOCOL = DynamixelRegister(13)
    HOMING_OFFSET = DynamixelRegister(20, 4, is_signed=True, valid=(-1_044_479, 1_044_479))
    MOVING_THRESHOLD = DynamixelRegister(24, 4)
    TEMPERATURE_LIMIT = DynamixelRegister(31, valid=(0, 100))
    MAX_VOLTAGE = DynamixelRegister(32, 2)
    MIN_VOLTAGE = DynamixelRegister(34, 2)
    PWM_LIMIT = DynamixelRegister(36, 2, valid=(0, FULL_PWM))
    CURRENT_LIMIT = DynamixelRegister(38, 2, valid=(0, 1750))
    VELOCITY_LIMIT = DynamixelRegister(44, 4)
    MAX_POSITION = DynamixelRegister(48, 4, valid=(0, RESOLUTION - 1))
    MIN_POSITION = DynamixelRegister(52, 4, valid=(0, RESOLUTION - 1))
    STARTUP = DynamixelRegister(60)
    PWM_SLOPE = DynamixelRegister(62)
    SHUTDOWN = DynamixelRegister(63)
    TORQUE_ENABLE = DynamixelRegister(64, valid=(0, 1))
    LED = DynamixelRegister(65, valid=(0, 1))
    RESPONSE_LEVEL = DynamixelRegister(68, valid=(0, 2))
    REGISTERED = DynamixelRegister(69, is_read_only=True)
    HARDWARE_ERROR = DynamixelRegister(70, is_read_only=True)
    VELOCITY_I = DynamixelRegister(76, 2)
    VELOCITY_P = DynamixelRegister(78, 2)
    POSITION_D = DynamixelRegister(80, 2)
    POSITION_I = DynamixelRegister(82, 2)
    POSITION_P = DynamixelRegister(84, 2)
    FEEDFORWARD_2 = DynamixelRegister(88, 2)
    FEEDFORWARD_1 = DynamixelRegister(90, 2)
    BUS_WATCHDOG = DynamixelRegister(98)
    GOAL_PWM = DynamixelRegister(100, 2, is_signed=True)
    GOAL_CURRENT = DynamixelRegister(102, 2, is_signed=True)
    GOAL_VELOCITY = DynamixelRegister(104, 4, is_signed=True)
    PROFILE_ACCELERATION = DynamixelRegister(108, 4)
    PROFILE_VELOCITY = DynamixelRegister(112, 4)
    GOAL_POSITION = DynamixelRegister(116, 4, is_signed=True)
    TICK = DynamixelRegister(120, 2, is_read_only=True)
    MOVING = DynamixelRegister(122, is_read_only=True)
    MOVING_STATUS = DynamixelRegister(123, is_read_only=True)
    PRESENT_PWM = DynamixelRegister(124, 2, is_signed=True, is_read_only=True)
    PRESENT_CURRENT = DynamixelRegister(
        126, 2, is_signed=True, is_read_only=True
    )  # Load where there is no current sensor.
    PRESENT_VELOCITY = DynamixelRegister(128, 4, is_signed=True, is_read_only=True)
    PRESENT_POSITION = DynamixelRegister(132, 4, is_signed=True, is_read_only=True)
    VELOCITY_TRAJECTORY = DynamixelRegister(136, 4, is_signed=True, is_read_only=True)
    POSITION_TRAJECTORY = DynamixelRegister(140, 4, is_signed=True, is_read_only=True)
    PRESENT_VOLTAGE = DynamixelRegister(144, 2, is_read_only=True)
    PRESENT_TEMPERATURE = DynamixelRegister(146, is_read_only=True)


@dataclass(frozen=True)
class ServoModel:
    """What one model has of its own.

    Attributes:
        number: Model number.
        supply, lowest, highest: Supply that it is made for, and limits from the factory [0.1 V].
        silent_below: Supply below which it is silent here [0.1 V]; not published, our assumption.
        hottest: Temperature limit from the factory [deg C].
        shutdown: Errors that take its torque.
        gains: Position P and D from the factory.
        stall_current: At `supply` and stall torque [A]; None without a current sensor: it reports load.
    """

    number: int
    supply: int
    lowest: int
    highest: int
    silent_below: int
    hottest: int
    shutdown: int
    gains: tuple[int, int]
    stall_current: float | None


MODELS = {
    "xl330-m288": ServoModel(1200, 50, 35, 70, 30, 70, 53, (400, 0), 1.47),
    "xl330-m077": ServoModel(1190, 50, 35, 70, 30, 70, 53, (400, 0), 1.47),
    "xl430-w250": ServoModel(1060, 120, 60, 140, 50, 72, 52, (640, 4000), None),
}
TICKS_PER_RADIAN = RESOLUTION / (2.0 * math.pi)

"""Control table of the STS3215: address, length and sign bit of what this package uses. No I/O.

Source: Feetech, "STS3215 memory table"; units from the same.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

MODEL_NUMBER = 777
RESOLUTION = 4096
TICKS_PER_RADIAN = RESOLUTION / (2.0 * math.pi)
VOLTAGE_UNIT = 0.1
"""[V]"""
CURRENT_UNIT = 0.0065
"""[A]"""
LOAD_UNIT = 0.001
"""Part of the stall torque."""
STALL_CURRENT = 2.7
"""At the stall torque [A]; STS3215 at 12 V."""
SIZE = 128
EEPROM_END = 40
"""Registers below this one survive without supply when `Lock` is 0."""

BAUD_RATES = (1_000_000, 500_000, 250_000, 128_000, 115_200, 57_600, 38_400, 19_200)
"""By the value of the register `baud_rate`."""


@dataclass(frozen=True)
class FeetechRegister:
    """One register.

    Attributes:
        address: First byte.
        length: Bytes, low byte first.
        sign_bit: Of a number written as sign and magnitude; None for numbers without sign.
        is_read_only: The host cannot write it.
    """

    address: int
    length: int = 2
    sign_bit: int | None = None
    is_read_only: bool = False


class FeetechReg(enum.Enum):
    """The registers by name."""

    FIRMWARE_MAJOR = FeetechRegister(0, 1, is_read_only=True)
    FIRMWARE_MINOR = FeetechRegister(1, 1, is_read_only=True)
    MODEL = FeetechRegister(3, is_read_only=True)
    ID = FeetechRegister(5, 1)
    BAUD_RATE = FeetechRegister(6, 1)
    RETURN_DELAY = FeetechRegister(7, 1)
    RESPONSE_LEVEL = FeetechRegister(8, 1)
    MIN_POSITION = FeetechRegister(9)
    MAX_POSITION = FeetechRegister(11)
    MAX_TEMPERATURE = FeetechRegister(13, 1)
    MAX_VOLTAGE = FeetechRegister(14, 1)
    MIN_VOLTAGE = FeetechRegister(15, 1)
    MAX_TORQUE = FeetechRegister(16)
    PHASE = FeetechRegister(18, 1)
    P_COEFFICIENT = FeetechRegister(21, 1)
    D_COEFFICIENT = FeetechRegister(22, 1)
    I_COEFFICIENT = FeetechRegister(23, 1)
    PROTECTION_CURRENT = FeetechRegister(28)
    HOMING_OFFSET = FeetechRegister(31, sign_bit=11)
    OPERATING_MODE = FeetechRegister(33, 1)
    OVERLOAD_TORQUE = FeetechRegister(36, 1)
    TORQUE_ENABLE = FeetechRegister(40, 1)
    ACCELERATION = FeetechRegister(41, 1)
    GOAL_POSITION = FeetechRegister(42, sign_bit=15)
    GOAL_TIME = FeetechRegister(44)
    GOAL_VELOCITY = FeetechRegister(46, sign_bit=15)
    TORQUE_LIMIT = FeetechRegister(48)
    LOCK = FeetechRegister(55, 1)
    PRESENT_POSITION = FeetechRegister(56, sign_bit=15, is_read_only=True)
    PRESENT_VELOCITY = FeetechRegister(58, sign_bit=15, is_read_only=True)
    PRESENT_LOAD = FeetechRegister(60, sign_bit=10, is_read_only=True)
    PRESENT_VOLTAGE = FeetechRegister(62, 1, is_read_only=True)
    PRESENT_TEMPERATURE = FeetechRegister(63, 1, is_read_only=True)
    STATUS = FeetechRegister(65, 1, is_read_only=True)
    MOVING = FeetechRegister(66, 1, is_read_only=True)
    PRESENT_CURRENT = FeetechRegister(69, is_read_only=True)


READ_ONLY = frozenset(
    {reg.value.address + i for reg in FeetechReg if reg.value.is_read_only for i in range(reg.value.length)}
    | {2, 4, 64, 67, 68}
)

FACTORY = {
    FeetechReg.FIRMWARE_MAJOR: 3, FeetechReg.FIRMWARE_MINOR: 10, FeetechReg.MODEL: MODEL_NUMBER, FeetechReg.RETURN_DELAY: 0,
    FeetechReg.RESPONSE_LEVEL: 1,
    FeetechReg.MIN_POSITION: 0, FeetechReg.MAX_POSITION: RESOLUTION - 1, FeetechReg.MAX_TEMPERATURE: 70, FeetechReg.MAX_VOLTAGE: 140,
    FeetechReg.MIN_VOLTAGE: 40, FeetechReg.MAX_TORQUE: 1000, FeetechReg.PHASE: 12, FeetechReg.P_COEFFICIENT: 32,
    FeetechReg.D_COEFFICIENT: 32,
    FeetechReg.PROTECTION_CURRENT: 500, FeetechReg.OVERLOAD_TORQUE: 80, FeetechReg.LOCK: 1, FeetechReg.TORQUE_LIMIT: 1000,
}  # fmt: skip
"""What a new servo has."""

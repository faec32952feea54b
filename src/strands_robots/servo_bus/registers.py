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
class Register:
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


class Reg(enum.Enum):
    """The registers by name."""

    FIRMWARE_MAJOR = Register(0, 1, is_read_only=True)
    FIRMWARE_MINOR = Register(1, 1, is_read_only=True)
    MODEL = Register(3, is_read_only=True)
    ID = Register(5, 1)
    BAUD_RATE = Register(6, 1)
    RETURN_DELAY = Register(7, 1)
    RESPONSE_LEVEL = Register(8, 1)
    MIN_POSITION = Register(9)
    MAX_POSITION = Register(11)
    MAX_TEMPERATURE = Register(13, 1)
    MAX_VOLTAGE = Register(14, 1)
    MIN_VOLTAGE = Register(15, 1)
    MAX_TORQUE = Register(16)
    PHASE = Register(18, 1)
    P_COEFFICIENT = Register(21, 1)
    D_COEFFICIENT = Register(22, 1)
    I_COEFFICIENT = Register(23, 1)
    PROTECTION_CURRENT = Register(28)
    HOMING_OFFSET = Register(31, sign_bit=11)
    OPERATING_MODE = Register(33, 1)
    OVERLOAD_TORQUE = Register(36, 1)
    TORQUE_ENABLE = Register(40, 1)
    ACCELERATION = Register(41, 1)
    GOAL_POSITION = Register(42, sign_bit=15)
    GOAL_TIME = Register(44)
    GOAL_VELOCITY = Register(46, sign_bit=15)
    TORQUE_LIMIT = Register(48)
    LOCK = Register(55, 1)
    PRESENT_POSITION = Register(56, sign_bit=15, is_read_only=True)
    PRESENT_VELOCITY = Register(58, sign_bit=15, is_read_only=True)
    PRESENT_LOAD = Register(60, sign_bit=10, is_read_only=True)
    PRESENT_VOLTAGE = Register(62, 1, is_read_only=True)
    PRESENT_TEMPERATURE = Register(63, 1, is_read_only=True)
    STATUS = Register(65, 1, is_read_only=True)
    MOVING = Register(66, 1, is_read_only=True)
    PRESENT_CURRENT = Register(69, is_read_only=True)


READ_ONLY = frozenset(
    {reg.value.address + i for reg in Reg if reg.value.is_read_only for i in range(reg.value.length)}
    | {2, 4, 64, 67, 68}
)

FACTORY = {
    Reg.FIRMWARE_MAJOR: 3, Reg.FIRMWARE_MINOR: 10, Reg.MODEL: MODEL_NUMBER, Reg.RETURN_DELAY: 0, Reg.RESPONSE_LEVEL: 1,
    Reg.MIN_POSITION: 0, Reg.MAX_POSITION: RESOLUTION - 1, Reg.MAX_TEMPERATURE: 70, Reg.MAX_VOLTAGE: 140,
    Reg.MIN_VOLTAGE: 40, Reg.MAX_TORQUE: 1000, Reg.PHASE: 12, Reg.P_COEFFICIENT: 32, Reg.D_COEFFICIENT: 32,
    Reg.PROTECTION_CURRENT: 500, Reg.OVERLOAD_TORQUE: 80, Reg.LOCK: 1, Reg.TORQUE_LIMIT: 1000,
}  # fmt: skip
"""What a new servo has."""

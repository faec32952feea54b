"""One Dynamixel servo: its control table, and what a request does to it. No I/O."""

from __future__ import annotations

from strands_robots.servo_bus.dynamixel_protocol import Problem
from strands_robots.servo_bus.dynamixel_registers import (
    BAUD_RATES,
    CURRENT_UNIT,
    EEPROM_END,
    FULL_PWM,
    LOAD_UNIT,
    MODELS,
    RESOLUTION,
    SIZE,
    VELOCITY_UNIT,
    DynamixelReg,
    DynamixelRegister,
    HardwareError,
    OperatingMode,
)

AMBIENT = 32
_LARGEST_OFFSET = 1024
"""Homing offsets beyond this count only in the modes of several turns [steps]."""
_REGISTERS = {reg.value.address: reg for reg in DynamixelReg}


class DynamixelServo:
    """The memory of one servo; see `BusServo`.

    The sensor counts steps from where it was at power-up on, over several turns. The host sees it plus the homing offset.

    Args:
        number: Its address on the bus.
        model: One of MODELS.
        mount: Sensor at joint position 0 [steps].
        encoder_range: Lowest and highest position of the joint [steps from 0 rad], for a calibrated servo.
        is_calibrated: With baud rate, mode, homing offset and range in its memory, as LeRobot leaves them.
    """

    def __init__(
        self, number: int, model: str, mount: int, encoder_range: tuple[int, int], is_calibrated: bool = True
    ) -> None:
        self.mount = mount
        self.model = made = MODELS[model]
        self.supply = self.voltage = made.supply
        self.silent_below = made.silent_below
        self.temperature = AMBIENT
        self.is_powered = True
        self._position = self._velocity = 0
        self._effort = 0.0
        self._errors = HardwareError(0)
        self._turn = 0
        self._table = bytearray(SIZE)
        self._pending: tuple[int, bytes] | None = None
        for register, value in self._factory(number).items():
            self.set(register, value)
        if is_calibrated:
            middle = RESOLUTION // 2 - 1
            self.set(DynamixelReg.OPERATING_MODE, OperatingMode.EXTENDED_POSITION)
            self.set(DynamixelReg.HOMING_OFFSET, middle - mount)
            self.set(DynamixelReg.MIN_POSITION, max(middle + encoder_range[0], 0))
            self.set(DynamixelReg.MAX_POSITION, min(middle + encoder_range[1], RESOLUTION - 1))
        self._saved = bytes(self._table[:EEPROM_END])
        self.power_up()

    def get(self, register: DynamixelReg) -> int:
        """Return a register's number."""
        entry = register.value
        data = self._table[entry.address : entry.address + entry.length]
        return int.from_bytes(data, "little", signed=entry.is_signed)

    def set(self, register: DynamixelReg, value: int) -> None:
        """Set a register's number, whether the host may or not."""
        entry = register.value
        data = int(value).to_bytes(entry.length, "little", signed=entry.is_signed)
        self._table[entry.address : entry.address + entry.length] = data

    @property
    def number(self) -> int:
        """Its address on the bus."""
        return self.get(DynamixelReg.ID)

    @property
    def baud_rate(self) -> int:
        """The rate at which it listens [bit/s]."""
        return BAUD_RATES[self.get(DynamixelReg.BAUD_RATE)]

    @property
    def torque(self) -> bool:
        """Whether the motor gives torque."""
        return self.is_powered and self.get(DynamixelReg.TORQUE_ENABLE) == 1

    @property
    def strength(self) -> float:
        """Part of its stall torque that the motor may give."""
        if not self.torque:
            return 0.0
        part = self.get(DynamixelReg.PWM_LIMIT) / FULL_PWM
        stall = self.model.stall_current
        if self.get(DynamixelReg.OPERATING_MODE) == OperatingMode.CURRENT_POSITION and stall is not None:
            part = min(part, abs(self.get(DynamixelReg.GOAL_CURRENT)) * CURRENT_UNIT / stall)
        return min(part, 1.0)

    @property
    def goal(self) -> int:
        """Where the motor aims at [steps from 0 rad]."""
        return self.get(DynamixelReg.GOAL_POSITION) - self._offset - self._turn - self.mount

    @property
    def alert(self) -> bool:
        """Whether it has a hardware error."""
        return bool(self._errors)

    def talk(self, baud_rate: int) -> None:
        """Listen at another baud rate from now on."""
        self.set(DynamixelReg.BAUD_RATE, BAUD_RATES.index(baud_rate))
        self._saved = bytes(self._table[:EEPROM_END])

    def hold(self) -> None:
        """Give torque, as a program before may have left it."""
        self.set(DynamixelReg.TORQUE_ENABLE, 1)

    def feel(self, position: int, velocity: int, effort: float) -> None:
        """See `BusServo`."""
        self._position, self._velocity, self._effort = position, velocity, effort
        self.measure()

    def measure(self) -> None:
        """Bring the registers of measurements up to date; errors in `shutdown` take the torque."""
        stall = self.model.stall_current
        self.set(DynamixelReg.PRESENT_POSITION, self._position + self.mount + self._turn + self._offset)
        self.set(DynamixelReg.PRESENT_VELOCITY, round(self._velocity / VELOCITY_UNIT))
        self.set(
            DynamixelReg.PRESENT_CURRENT,
            round(self._effort * (1.0 / LOAD_UNIT if stall is None else stall / CURRENT_UNIT)),
        )
        self.set(DynamixelReg.PRESENT_PWM, round(self._effort * FULL_PWM))
        self.set(DynamixelReg.PRESENT_VOLTAGE, self.voltage)
        self.set(DynamixelReg.PRESENT_TEMPERATURE, self.temperature)
        self.set(DynamixelReg.MOVING, int(abs(self._velocity) > 20))
        if not self.get(DynamixelReg.MIN_VOLTAGE) <= self.voltage <= self.get(DynamixelReg.MAX_VOLTAGE):
            self._errors |= HardwareError.VOLTAGE
        if self.temperature > self.get(DynamixelReg.TEMPERATURE_LIMIT):
            self._errors |= HardwareError.OVERHEAT
        self.set(DynamixelReg.HARDWARE_ERROR, int(self._errors))
        if int(self._errors) & self.get(DynamixelReg.SHUTDOWN):
            self.set(DynamixelReg.TORQUE_ENABLE, 0)

    def read(self, address: int, length: int) -> bytes | None:
        """Return bytes of the memory; None beyond its end."""
        return bytes(self._table[address : address + length]) if address + length <= SIZE else None

    def write(self, address: int, data: bytes) -> Problem:
        """Write whole registers, or nothing, and return what was wrong.

        Torque that is switched on aims at the last goal position, wherever the shaft is: the worst that a host must reckon with.
        """
        found = self._registers(address, len(data))
        if isinstance(found, Problem):
            return found
        for entry in found:
            value = int.from_bytes(data[entry.address - address :][: entry.length], "little", signed=entry.is_signed)
            if entry.valid is not None and not entry.valid[0] <= value <= entry.valid[1]:
                return Problem.DATA_RANGE
            if entry is DynamixelReg.GOAL_POSITION.value and not self._may_aim_at(value):
                return Problem.DATA_LIMIT
        if (
            address == DynamixelReg.TORQUE_ENABLE.value.address
            and data[0]
            and int(self._errors) & self.get(DynamixelReg.SHUTDOWN)
        ):
            return Problem.RESULT
        self._table[address : address + len(data)] = data
        if address < EEPROM_END:
            self._saved = bytes(self._table[:EEPROM_END])
        return Problem.NONE

    def prepare(self, address: int, data: bytes) -> Problem:
        """Keep a write until `act`."""
        found = self._registers(address, len(data))
        if isinstance(found, Problem):
            return found
        self._pending = address, data
        self.set(DynamixelReg.REGISTERED, 1)
        return Problem.NONE

    def act(self) -> Problem:
        """Carry out the write that was kept."""
        if self._pending is None:
            return Problem.INSTRUCTION
        address, data = self._pending
        self._pending = None
        self.set(DynamixelReg.REGISTERED, 0)
        return self.write(address, data)

    def lose_power(self) -> None:
        """Let go and answer no more."""
        self.is_powered = False

    def power_up(self) -> None:
        """Start again with what lasts, within one turn, without torque and without errors that are over."""
        self.is_powered = True
        self._pending = None
        self._errors = HardwareError(0)
        self._turn = -((self._position + self.mount) // RESOLUTION) * RESOLUTION
        self._table[:] = self._saved + bytes(SIZE - EEPROM_END)
        self.set(DynamixelReg.RESPONSE_LEVEL, 2)
        self.set(DynamixelReg.POSITION_P, self.model.gains[0])
        self.set(DynamixelReg.POSITION_D, self.model.gains[1])
        self.set(DynamixelReg.GOAL_PWM, self.get(DynamixelReg.PWM_LIMIT))
        self.set(DynamixelReg.GOAL_CURRENT, self.get(DynamixelReg.CURRENT_LIMIT))
        self.measure()
        self.set(DynamixelReg.GOAL_POSITION, self.get(DynamixelReg.PRESENT_POSITION))

    @property
    def _offset(self) -> int:
        offset = self.get(DynamixelReg.HOMING_OFFSET)
        is_one_turn = self.get(DynamixelReg.OPERATING_MODE) == OperatingMode.POSITION
        return 0 if is_one_turn and abs(offset) > _LARGEST_OFFSET else offset

    def _may_aim_at(self, value: int) -> bool:
        is_bounded = self.get(DynamixelReg.OPERATING_MODE) == OperatingMode.POSITION
        return not is_bounded or self.get(DynamixelReg.MIN_POSITION) <= value <= self.get(DynamixelReg.MAX_POSITION)

    def _registers(self, address: int, length: int) -> list[DynamixelRegister] | Problem:
        """Return the registers that a write covers, or why it cannot be done."""
        found, at = [], address
        while at < address + length:
            reg = _REGISTERS.get(at)
            if reg is None or reg.value.is_read_only or (at < EEPROM_END and self.torque):
                return Problem.ACCESS
            found.append(reg.value)
            at += reg.value.length
        return found if at == address + length and found else Problem.DATA_LENGTH

    def _factory(self, number: int) -> dict[DynamixelReg, int]:
        made = self.model
        return {
            DynamixelReg.MODEL: made.number, DynamixelReg.FIRMWARE: 46, DynamixelReg.ID: number,
            DynamixelReg.BAUD_RATE: BAUD_RATES.index(1_000_000),
            DynamixelReg.RETURN_DELAY: 250, DynamixelReg.OPERATING_MODE: OperatingMode.POSITION,
            DynamixelReg.SECONDARY_ID: 255, DynamixelReg.PROTOCOL: 2,
            DynamixelReg.MOVING_THRESHOLD: 10, DynamixelReg.TEMPERATURE_LIMIT: made.hottest, DynamixelReg.MAX_VOLTAGE: made.highest,
            DynamixelReg.MIN_VOLTAGE: made.lowest, DynamixelReg.PWM_LIMIT: FULL_PWM, DynamixelReg.VELOCITY_LIMIT: 445,
            DynamixelReg.CURRENT_LIMIT: 0 if made.stall_current is None else 1750, DynamixelReg.MAX_POSITION: RESOLUTION - 1,
            DynamixelReg.SHUTDOWN: made.shutdown,
        }  # fmt: skip

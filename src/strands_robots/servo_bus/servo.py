"""One servo: its control table, and what a request does to it. No I/O."""

from __future__ import annotations

from strands_robots.servo_bus.feetech_protocol import StatusBit, decode_signed, encode_signed
from strands_robots.servo_bus.feetech_registers import (
    BAUD_RATES,
    CURRENT_UNIT,
    EEPROM_END,
    FACTORY,
    READ_ONLY,
    RESOLUTION,
    SIZE,
    STALL_CURRENT,
    FeetechReg,
)

SUPPLY = 120
"""Register value of the 12 V supply."""
SILENT_BELOW = 40
"""Supply below which the processor stops [0.1 V]."""
AMBIENT = 32
"""Temperature at the start [deg C]."""


class ServoMemory:
    """The memory of one servo.

    The shaft's position is in steps of 1/4096 turn from the sensor's own zero; `mount` is what the sensor says when the joint
    is at 0 rad. The host sees it less the homing offset.

    Args:
        number: Its address on the bus.
        mount: Sensor at joint position 0 [steps].
        encoder_range: Lowest and highest position of the joint [steps from 0 rad], for a calibrated servo.
        is_calibrated: With homing offset, range and gain in its memory, as lerobot leaves them.

    Attributes:
        voltage, temperature: What the supply and the thermometer say, in register units.
        is_powered: False while the supply is too low to answer.
    """

    supply = SUPPLY
    silent_below = SILENT_BELOW

    def __init__(self, number: int, mount: int, encoder_range: tuple[int, int], is_calibrated: bool = True) -> None:
        self.mount = mount
        self.voltage, self.temperature = SUPPLY, AMBIENT
        self._position = self._velocity = self._load = self._current = 0
        self.is_powered = True
        self._table = bytearray(SIZE)
        self._pending: tuple[int, bytes] | None = None
        for register, value in {**FACTORY, FeetechReg.ID: number}.items():
            self.set(register, value)
        if is_calibrated:
            middle = RESOLUTION // 2 - 1
            self.set(FeetechReg.HOMING_OFFSET, mount - middle)
            self.set(FeetechReg.P_COEFFICIENT, 16)
            self.set(FeetechReg.MIN_POSITION, max(middle + encoder_range[0], 0))
            self.set(FeetechReg.MAX_POSITION, min(middle + encoder_range[1], RESOLUTION - 1))
        self._saved = bytes(self._table[:EEPROM_END])
        self.measure()
        self.set(FeetechReg.GOAL_POSITION, self.get(FeetechReg.PRESENT_POSITION))

    def get(self, register: FeetechReg) -> int:
        """Return a register's number."""
        entry = register.value
        word = int.from_bytes(self._table[entry.address : entry.address + entry.length], "little")
        return word if entry.sign_bit is None else decode_signed(word, entry.sign_bit)

    def set(self, register: FeetechReg, value: int) -> None:
        """Set a register's number, whether the host may or not."""
        entry = register.value
        word = value if entry.sign_bit is None else encode_signed(value, entry.sign_bit)
        self._table[entry.address : entry.address + entry.length] = word.to_bytes(entry.length, "little")

    @property
    def number(self) -> int:
        """Its address on the bus."""
        return self.get(FeetechReg.ID)

    @property
    def torque(self) -> bool:
        """Whether the motor gives torque."""
        return self.is_powered and self.get(FeetechReg.TORQUE_ENABLE) == 1

    @property
    def baud_rate(self) -> int:
        """The rate at which it listens [bit/s]; 0 for none."""
        index = self.get(FeetechReg.BAUD_RATE)
        return BAUD_RATES[index] if index < len(BAUD_RATES) else 0

    @property
    def strength(self) -> float:
        """Part of its stall torque that the motor may give."""
        return min(self.get(FeetechReg.TORQUE_LIMIT), self.get(FeetechReg.MAX_TORQUE)) / 1000.0 if self.torque else 0.0

    @property
    def goal(self) -> int:
        """Where the motor aims at [steps from 0 rad]; the range in its memory bounds it."""
        goal = min(
            max(self.get(FeetechReg.GOAL_POSITION), self.get(FeetechReg.MIN_POSITION)),
            self.get(FeetechReg.MAX_POSITION),
        )
        return goal + self.get(FeetechReg.HOMING_OFFSET) - self.mount

    @property
    def status(self) -> StatusBit:
        """What the servo complains about."""
        status = StatusBit(0)
        if not self.get(FeetechReg.MIN_VOLTAGE) <= self.voltage <= self.get(FeetechReg.MAX_VOLTAGE):
            status |= StatusBit.VOLTAGE
        if self.temperature > self.get(FeetechReg.MAX_TEMPERATURE):
            status |= StatusBit.OVERHEAT
        return status

    def talk(self, baud_rate: int) -> None:
        """Listen at another baud rate from now on."""
        self.set(FeetechReg.BAUD_RATE, BAUD_RATES.index(baud_rate))
        self._saved = bytes(self._table[:EEPROM_END])

    def hold(self) -> None:
        """Give torque, as a program before may have left it."""
        self.set(FeetechReg.TORQUE_ENABLE, 1)

    def feel(self, position: int, velocity: int, effort: float) -> None:
        """See `BusServo`."""
        self._position, self._velocity = position, velocity
        self._load = round(effort * 1000.0)
        self._current = round(abs(effort) * STALL_CURRENT / CURRENT_UNIT)
        self.measure()

    def measure(self) -> None:
        """Bring the registers of measurements up to date; an overheated motor lets go."""
        present = (self._position + self.mount - self.get(FeetechReg.HOMING_OFFSET)) % RESOLUTION
        status = self.status
        self.set(FeetechReg.PRESENT_POSITION, present)
        self.set(FeetechReg.PRESENT_VELOCITY, self._velocity)
        self.set(FeetechReg.PRESENT_LOAD, self._load)
        self.set(FeetechReg.PRESENT_VOLTAGE, self.voltage)
        self.set(FeetechReg.PRESENT_TEMPERATURE, self.temperature)
        self.set(FeetechReg.PRESENT_CURRENT, self._current)
        self.set(FeetechReg.MOVING, int(abs(self._velocity) > 20))
        self.set(FeetechReg.STATUS, int(status))
        if status & StatusBit.OVERHEAT:
            self.set(FeetechReg.TORQUE_ENABLE, 0)

    def read(self, address: int, length: int) -> bytes:
        """Return bytes of the memory; beyond its end there are none."""
        return bytes(self._table[address : address + length])

    def write(self, address: int, data: bytes) -> None:
        """Write what the host may write; the memory that lasts is kept only while `lock` is 0.

        Torque that is switched on aims at the last goal position, wherever the shaft is.
        """
        for offset, value in enumerate(data):
            if address + offset < SIZE and address + offset not in READ_ONLY:
                self._table[address + offset] = value
        if self.get(FeetechReg.LOCK) == 0:
            self._saved = bytes(self._table[:EEPROM_END])

    def prepare(self, address: int, data: bytes) -> None:
        """Keep a write until `act`."""
        self._pending = address, data

    def act(self) -> None:
        """Carry out the write that was kept."""
        if self._pending is not None:
            address, data = self._pending
            self._pending = None
            self.write(address, data)

    def lose_power(self) -> None:
        """Let go and answer no more."""
        self.is_powered = False

    def power_up(self) -> None:
        """Start again with what lasts; the goal is where the shaft is, without torque."""
        self.is_powered = True
        self._pending = None
        self._table[:] = self._saved + bytes(SIZE - EEPROM_END)
        self.set(FeetechReg.LOCK, 1)
        self.set(FeetechReg.TORQUE_LIMIT, self.get(FeetechReg.MAX_TORQUE))
        self.measure()
        self.set(FeetechReg.GOAL_POSITION, self.get(FeetechReg.PRESENT_POSITION))

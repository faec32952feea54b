"""The cyclic exchange with Dynamixel servos: one sync read of what moves, now and then one of torque and errors, one sync write."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.drivers.serial_cycle import SerialCycle
from strands_robots.servo_bus.dynamixel_protocol import (
    ALERT,
    BROADCAST,
    HEADER,
    LONGEST,
    OVERHEAD,
    DynamixelInstruction,
    DynamixelPacket,
    crc16,
    encode,
)
from strands_robots.servo_bus.dynamixel_registers import (
    CURRENT_UNIT,
    LOAD_UNIT,
    VELOCITY_UNIT,
    VOLTAGE_UNIT,
    DynamixelReg,
    HardwareError,
    ServoModel,
)

_FIRST = DynamixelReg.PRESENT_CURRENT.value.address
_LENGTH = DynamixelReg.PRESENT_TEMPERATURE.value.address + 1 - _FIRST
_STATE = DynamixelReg.TORQUE_ENABLE.value.address
_STATE_LENGTH = DynamixelReg.HARDWARE_ERROR.value.address + 1 - _STATE
STATE_EVERY = 8
"""Cycles from one look at torque and errors to the next; an alert asks at once."""
_VELOCITY, _POSITION, _VOLTAGE, _TEMPERATURE = (
    reg.value.address - _FIRST
    for reg in (
        DynamixelReg.PRESENT_VELOCITY,
        DynamixelReg.PRESENT_POSITION,
        DynamixelReg.PRESENT_VOLTAGE,
        DynamixelReg.PRESENT_TEMPERATURE,
    )
)


class DynamixelCycle(SerialCycle):
    """See `SerialCycle`. A model with a current sensor gives its load by it, one without gives no current.

    Args:
        models: Of each servo.
    """

    def __init__(
        self,
        descriptor: int,
        numbers: Sequence[int],
        models: Sequence[ServoModel],
        timeout: float,
        counts: Counter[str],
    ) -> None:
        # An answer that is stuffed throughout is a third longer.
        super().__init__(descriptor, numbers, timeout, counts, 2 * (OVERHEAD + _LENGTH) * len(numbers))
        self.errors: FloatArray = np.zeros(len(numbers))
        self._stall = [model.stall_current for model in models]
        self._request = _sync_read(_FIRST, _LENGTH, numbers)
        self._state_request = _sync_read(_STATE, _STATE_LENGTH, numbers)
        self._numbers = bytes(numbers)
        self._body = bytearray(LONGEST)
        self._goals = bytearray(_sync_write_head() + bytes(5 * len(numbers)))
        self._until_state = 0

    def read(self) -> int:
        """See `SerialCycle`."""
        answered = self._take(self.ask(self._request, (OVERHEAD + _LENGTH) * self.size), _LENGTH)
        self._until_state -= 1
        if self._until_state < 0:
            self._until_state = STATE_EVERY
            self._take(self.ask(self._state_request, (OVERHEAD + _STATE_LENGTH) * self.size), _STATE_LENGTH)
        return self.missed(answered)

    def write(self, goals: FloatArray) -> None:
        """See `SerialCycle`."""
        body, start = self._goals, len(self._goals) - 5 * self.size
        for i in range(self.size):
            at = start + 5 * i
            body[at] = self._numbers[i]
            body[at + 1 : at + 5] = int(goals[i]).to_bytes(4, "little", signed=True)
        self.send(encode(DynamixelPacket(BROADCAST, DynamixelInstruction.SYNC_WRITE, bytes(body))))

    def complaint(self) -> tuple[int, str]:
        """See `SerialCycle`."""
        if not self.errors.any():
            return 0, ""
        i = int(self.errors.argmax())
        return i, "+".join(str(bit.name).lower() for bit in HardwareError if int(self.errors[i]) & bit) or "an error"

    def _take(self, filled: int, length: int) -> int:
        """Take every whole answer of `length` bytes out of the buffer."""
        at = answered = 0
        while (at := self.buffer.find(HEADER, at, filled)) >= 0 and at + OVERHEAD <= filled:
            end = at + 7 + (self.buffer[at + 5] | self.buffer[at + 6] << 8)
            index = self.index.get(self.buffer[at + 4])
            if end > filled or index is None or self.buffer[at + 7] != DynamixelInstruction.STATUS:
                at += 4
                continue
            wanted = self.buffer[end - 2] | self.buffer[end - 1] << 8
            if crc16(self._view[at : end - 2]) != wanted:
                self.counts["checksum"] += 1
                at += 4
                continue
            start, at = at + 8, end
            if self._unstuff(start, end - 2) != length + 1:
                self.counts["late"] += 1
                continue
            if length == _LENGTH:
                self._take_motion(index)
            else:
                self._take_state(index)
            answered += 1
        return answered

    def _unstuff(self, start: int, end: int) -> int:
        """Copy error byte and data without stuffing into `_body`, and return how many bytes they are."""
        buffer, body, count = self.buffer, self._body, 0
        for at in range(start, end):
            byte = buffer[at]
            if byte == buffer[at - 1] == 0xFD and at >= start + 3 and buffer[at - 2] == buffer[at - 3] == 0xFF:
                continue
            body[count] = byte
            count += 1
        return count

    def _take_motion(self, i: int) -> None:
        body, stall = self._body, self._stall[i]
        force = _signed(body, 1, 2)
        self.load[i] = force * (LOAD_UNIT if stall is None else CURRENT_UNIT / stall)
        if stall is not None:
            self.current[i] = abs(force) * CURRENT_UNIT
        self.velocity[i] = _signed(body, 1 + _VELOCITY, 4) * VELOCITY_UNIT
        self.position[i] = _signed(body, 1 + _POSITION, 4)
        self.voltage[i] = _signed(body, 1 + _VOLTAGE, 2) * VOLTAGE_UNIT
        self.temperature[i] = body[1 + _TEMPERATURE]
        self.heard[i] = time.monotonic()
        if body[0] & ALERT and not self.errors[i]:
            self._until_state = 0

    def _take_state(self, i: int) -> None:
        body = self._body
        self.torque[i] = body[1]
        errors = body[_STATE_LENGTH]
        if errors and not self.errors[i]:
            for bit in HardwareError:
                if errors & bit:
                    self.counts[str(bit.name).lower()] += 1
        self.errors[i] = errors


def _sync_read(address: int, length: int, numbers: Sequence[int]) -> bytes:
    parameters = address.to_bytes(2, "little") + length.to_bytes(2, "little") + bytes(numbers)
    return encode(DynamixelPacket(BROADCAST, DynamixelInstruction.SYNC_READ, parameters))


def _sync_write_head() -> bytes:
    entry = DynamixelReg.GOAL_POSITION.value
    return entry.address.to_bytes(2, "little") + entry.length.to_bytes(2, "little")


def _signed(data: bytearray, at: int, length: int) -> int:
    value = 0
    for i in range(length):
        value |= data[at + i] << 8 * i
    return value - (1 << 8 * length) if value >> (8 * length - 1) else value

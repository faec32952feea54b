"""The cyclic exchange with Feetech servos: one sync read, one sync write."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.drivers.serial_cycle import SerialCycle
from strands_robots.servo_bus.feetech_protocol import (
    BROADCAST,
    OVERHEAD,
    FeetechInstruction,
    FeetechPacket,
    StatusBit,
    encode,
)
from strands_robots.servo_bus.feetech_registers import CURRENT_UNIT, LOAD_UNIT, VOLTAGE_UNIT, FeetechReg

_FIRST = FeetechReg.TORQUE_ENABLE.value.address
_LENGTH = FeetechReg.PRESENT_CURRENT.value.address + 2 - _FIRST
_ANSWER = OVERHEAD + _LENGTH
_POSITION, _VELOCITY, _LOAD, _VOLTAGE, _TEMPERATURE, _CURRENT, _TORQUE = (
    5 + reg.value.address - _FIRST
    for reg in (
        FeetechReg.PRESENT_POSITION, FeetechReg.PRESENT_VELOCITY, FeetechReg.PRESENT_LOAD, FeetechReg.PRESENT_VOLTAGE,
        FeetechReg.PRESENT_TEMPERATURE,
        FeetechReg.PRESENT_CURRENT, FeetechReg.TORQUE_ENABLE,
    )
)  # fmt: skip


class FeetechCycle(SerialCycle):
    """See `SerialCycle`."""

    def __init__(self, descriptor: int, numbers: Sequence[int], timeout: float, counts: Counter[str]) -> None:
        super().__init__(descriptor, numbers, timeout, counts, _ANSWER * len(numbers) * 2)
        self.status: FloatArray = np.zeros(len(numbers))
        self._request = encode(
            FeetechPacket(BROADCAST, FeetechInstruction.SYNC_READ, bytes((_FIRST, _LENGTH, *numbers)))
        )
        goal = bytes((FeetechReg.GOAL_POSITION.value.address, 2)) + b"".join(
            bytes((number, 0, 0)) for number in numbers
        )
        self._command = bytearray(encode(FeetechPacket(BROADCAST, FeetechInstruction.SYNC_WRITE, goal)))

    def read(self) -> int:
        """See `SerialCycle`."""
        return self._take(self.ask(self._request, _ANSWER * self.size))

    def write(self, goals: FloatArray) -> None:
        """See `SerialCycle`."""
        command, total = self._command, 0
        for i in range(self.size):
            goal = int(goals[i])
            command[8 + 3 * i] = goal & 0xFF
            command[9 + 3 * i] = goal >> 8
        for i in range(2, len(command) - 1):
            total += command[i]
        command[-1] = ~total & 0xFF
        self.send(command)

    def complaint(self) -> tuple[int, str]:
        """See `SerialCycle`."""
        if not self.status.any():
            return 0, ""
        i = int(self.status.argmax())
        return i, "+".join(str(bit.name).lower() for bit in StatusBit if int(self.status[i]) & bit)

    def _take(self, filled: int) -> int:
        """Take every whole answer out of the buffer."""
        buffer, at, answered = self.buffer, 0, 0
        while at + _ANSWER <= filled:
            if buffer[at] != 0xFF or buffer[at + 1] != 0xFF or buffer[at + 3] != _LENGTH + 2:
                at += 1
                continue
            total = 0
            for i in range(at + 2, at + _ANSWER - 1):
                total += buffer[i]
            index = self.index.get(buffer[at + 2])
            if (~total & 0xFF) != buffer[at + _ANSWER - 1] or index is None:
                self.counts["checksum"] += 1
                at += 2
                continue
            self._take_one(index, at)
            answered += 1
            at += _ANSWER
        return self.missed(answered)

    def _take_one(self, i: int, at: int) -> None:
        buffer = self.buffer
        self.position[i] = _signed(buffer, at + _POSITION, 0x8000)
        self.velocity[i] = _signed(buffer, at + _VELOCITY, 0x8000)
        self.load[i] = _signed(buffer, at + _LOAD, 0x0400) * LOAD_UNIT
        self.voltage[i] = buffer[at + _VOLTAGE] * VOLTAGE_UNIT
        self.temperature[i] = buffer[at + _TEMPERATURE]
        self.current[i] = (buffer[at + _CURRENT] | buffer[at + _CURRENT + 1] << 8) * CURRENT_UNIT
        self.heard[i] = time.monotonic()
        self.torque[i] = buffer[at + _TORQUE]
        status = buffer[at + 4]
        self.status[i] = status
        if status:
            for bit in StatusBit:
                if status & bit:
                    self.counts[str(bit.name).lower()] += 1


def _signed(buffer: bytearray, at: int, sign: int) -> int:
    word = buffer[at] | buffer[at + 1] << 8
    return -(word & (sign - 1)) if word & sign else word & (sign - 1)

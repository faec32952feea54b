"""The cyclic exchange with Feetech servos: one sync read, one sync write, into buffers made once."""

from __future__ import annotations

import os
import select
import time
from collections import Counter
from collections.abc import Sequence

import numpy as np

from strands_robots.drivers.driver import LinkLostError
from strands_robots.servo_bus.protocol import BROADCAST, OVERHEAD, Instruction, Packet, StatusBit, encode
from strands_robots.servo_bus.registers import Reg
from strands_robots.types import FloatArray

_FIRST = Reg.TORQUE_ENABLE.value.address
_LENGTH = Reg.PRESENT_CURRENT.value.address + 2 - _FIRST
_ANSWER = OVERHEAD + _LENGTH
_POSITION, _VELOCITY, _LOAD, _VOLTAGE, _TEMPERATURE, _CURRENT, _TORQUE = (
    5 + reg.value.address - _FIRST
    for reg in (
        Reg.PRESENT_POSITION, Reg.PRESENT_VELOCITY, Reg.PRESENT_LOAD, Reg.PRESENT_VOLTAGE, Reg.PRESENT_TEMPERATURE,
        Reg.PRESENT_CURRENT, Reg.TORQUE_ENABLE,
    )
)  # fmt: skip


class FeetechCycle:
    """Reads and writes all servos of one arm at once.

    Args:
        descriptor: The open port, non-blocking.
        numbers: The servos' numbers, in the robot's joint order.
        timeout: Longest wait for the answers of one read [s].

    Attributes:
        position, velocity, load: Raw numbers of the last answer of each servo (D,).
        voltage, temperature, current: The same; NaN before the first.
        torque, status: Whether it gives torque (1 or 0), and its status byte (D,).
        heard: When each servo answered last [s, steady time].
        counts: What went wrong, by name.
    """

    def __init__(self, descriptor: int, numbers: Sequence[int], timeout: float, counts: Counter[str]) -> None:
        size = len(numbers)
        self.counts = counts
        self.position: FloatArray = np.zeros(size)
        self.velocity: FloatArray = np.zeros(size)
        self.load: FloatArray = np.zeros(size)
        self.voltage: FloatArray = np.full(size, np.nan)
        self.temperature: FloatArray = np.full(size, np.nan)
        self.current: FloatArray = np.full(size, np.nan)
        self.torque: FloatArray = np.zeros(size)
        self.status: FloatArray = np.zeros(size)
        self.heard: FloatArray = np.full(size, time.monotonic())
        self._descriptor = descriptor
        self._index = {number: i for i, number in enumerate(numbers)}
        self._timeout = timeout
        self._request = encode(Packet(BROADCAST, Instruction.SYNC_READ, bytes((_FIRST, _LENGTH, *numbers))))
        self._buffer = bytearray(_ANSWER * size * 2)
        self._view = memoryview(self._buffer)
        goal = bytes((Reg.GOAL_POSITION.value.address, 2)) + b"".join(bytes((number, 0, 0)) for number in numbers)
        self._command = bytearray(encode(Packet(BROADCAST, Instruction.SYNC_WRITE, goal)))
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)
        self._size = size

    def read(self) -> int:
        """Ask every servo, and return how many answered in time.

        Raises:
            LinkLostError: If the port is gone.
        """
        self._drain()
        self._send(self._request)
        wanted = _ANSWER * self._size
        end = time.monotonic() + self._timeout
        filled = 0
        while filled < wanted:
            left = end - time.monotonic()
            if left <= 0.0 or not self._poll.poll(max(left * 1e3, 0.1)):
                break
            filled += self._receive(filled)
        return self._take(filled)

    def write(self, goals: FloatArray) -> None:
        """Send goal positions (D,) [steps]; servos do not answer.

        Raises:
            LinkLostError: If the port is gone.
        """
        command, total = self._command, 0
        for i in range(self._size):
            goal = int(goals[i])
            command[8 + 3 * i] = goal & 0xFF
            command[9 + 3 * i] = goal >> 8
        for i in range(2, len(command) - 1):
            total += command[i]
        command[-1] = ~total & 0xFF
        self._send(command)

    def _drain(self) -> None:
        """Forget answers that came too late."""
        while self._poll.poll(0):
            if self._receive(0):
                self.counts["late"] += 1

    def _send(self, data: bytes | bytearray) -> None:
        try:
            if os.write(self._descriptor, data) != len(data):
                self.counts["unsent"] += 1
        except BlockingIOError:
            self.counts["unsent"] += 1
        except OSError as error:
            raise LinkLostError(f"the port is gone: {error.strerror}") from error

    def _receive(self, start: int) -> int:
        try:
            count = os.readv(self._descriptor, [self._view[start:]])
        except BlockingIOError:
            return 0
        except OSError as error:
            raise LinkLostError(f"the port is gone: {error.strerror}") from error
        if count == 0:
            raise LinkLostError("the port is gone: end of file")
        return count

    def _take(self, filled: int) -> int:
        """Take every whole answer out of the buffer."""
        buffer, at, answered = self._buffer, 0, 0
        while at + _ANSWER <= filled:
            if buffer[at] != 0xFF or buffer[at + 1] != 0xFF or buffer[at + 3] != _LENGTH + 2:
                at += 1
                continue
            total = 0
            for i in range(at + 2, at + _ANSWER - 1):
                total += buffer[i]
            index = self._index.get(buffer[at + 2])
            if (~total & 0xFF) != buffer[at + _ANSWER - 1] or index is None:
                self.counts["checksum"] += 1
                at += 2
                continue
            self._take_one(index, at)
            answered += 1
            at += _ANSWER
        if answered < self._size:
            self.counts["missing"] += self._size - answered
        return answered

    def _take_one(self, i: int, at: int) -> None:
        buffer = self._buffer
        self.position[i] = _signed(buffer, at + _POSITION, 0x8000)
        self.velocity[i] = _signed(buffer, at + _VELOCITY, 0x8000)
        self.load[i] = _signed(buffer, at + _LOAD, 0x0400)
        self.voltage[i] = buffer[at + _VOLTAGE]
        self.temperature[i] = buffer[at + _TEMPERATURE]
        self.current[i] = buffer[at + _CURRENT] | buffer[at + _CURRENT + 1] << 8
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

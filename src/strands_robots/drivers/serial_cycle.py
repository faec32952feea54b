"""What the cyclic exchange with servos of any protocol has in common: one request out, answers in, into buffers made once."""

from __future__ import annotations

import os
import select
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.drivers.driver import LinkLostError


class SerialCycle(ABC):
    """Reads and writes all servos of one arm at once; arrays (D,) in the servos' order.

    Args:
        descriptor: The open port, non-blocking.
        numbers: The servos' numbers, in the robot's joint order.
        timeout: Longest wait for the answers of one read [s].
        counts: What goes wrong is counted here, by name.
        room: Bytes that one read can bring.

    Attributes:
        position, velocity: Of the last answer of each servo [steps], [steps/s].
        load: The same, as part of the stall torque.
        voltage, temperature, current: The same [V], [deg C], [A]; NaN before the first, and where there is no sensor.
        torque: Whether it gives torque, 1 or 0.
        heard: When each servo answered last [s, steady time].
    """

    def __init__(
        self, descriptor: int, numbers: Sequence[int], timeout: float, counts: Counter[str], room: int
    ) -> None:
        size = len(numbers)
        self.counts = counts
        self.position: FloatArray = np.zeros(size)
        self.velocity: FloatArray = np.zeros(size)
        self.load: FloatArray = np.zeros(size)
        self.voltage: FloatArray = np.full(size, np.nan)
        self.temperature: FloatArray = np.full(size, np.nan)
        self.current: FloatArray = np.full(size, np.nan)
        self.torque: FloatArray = np.zeros(size)
        self.heard: FloatArray = np.full(size, time.monotonic())
        self.buffer = bytearray(room)
        self._view = memoryview(self.buffer)
        self._descriptor = descriptor
        self._timeout = timeout
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)
        self.index = {number: i for i, number in enumerate(numbers)}
        self.size = size

    @abstractmethod
    def read(self) -> int:
        """Ask every servo, and return how many answered in time.

        Raises:
            LinkLostError: If the port is gone.
        """

    @abstractmethod
    def write(self, goals: FloatArray) -> None:
        """Send goal positions (D,) [steps]; servos do not answer.

        Raises:
            LinkLostError: If the port is gone.
        """

    @abstractmethod
    def complaint(self) -> tuple[int, str]:
        """Return which servo complained in its last answer, and of what; an empty text when none did."""

    def ask(self, request: bytes | bytearray, wanted: int) -> int:
        """Send a request and return how many bytes of `buffer` came in time, `wanted` at best."""
        self._drain()
        self.send(request)
        end = time.monotonic() + self._timeout
        filled = 0
        while filled < wanted:
            left = end - time.monotonic()
            if left <= 0.0 or not self._poll.poll(max(left * 1e3, 0.1)):
                break
            filled += self._receive(filled)
        return filled

    def send(self, data: bytes | bytearray) -> None:
        """Send bytes; what does not fit at once is counted as unsent."""
        try:
            if os.write(self._descriptor, data) != len(data):
                self.counts["unsent"] += 1
        except BlockingIOError:
            self.counts["unsent"] += 1
        except OSError as error:
            raise LinkLostError(f"the port is gone: {error.strerror}") from error

    def missed(self, answered: int) -> int:
        """Count the servos that did not answer, and return those that did."""
        if answered < self.size:
            self.counts["missing"] += self.size - answered
        return answered

    def _drain(self) -> None:
        """Forget answers that came too late."""
        while self._poll.poll(0):
            if self._receive(0):
                self.counts["late"] += 1

    def _receive(self, start: int) -> int:
        if start >= len(self.buffer):
            return 0
        try:
            count = os.readv(self._descriptor, [self._view[start:]])
        except BlockingIOError:
            return 0
        except OSError as error:
            raise LinkLostError(f"the port is gone: {error.strerror}") from error
        if count == 0:
            raise LinkLostError("the port is gone: end of file")
        return count

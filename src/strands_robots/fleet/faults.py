"""What goes wrong in a trial of a fleet: processes that hang, links that are slow or cut, clocks that are set back."""

from __future__ import annotations

import enum
import heapq
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.core.text import printable
from strands_robots.fleet.transport import OnData, Transport

CLOCK_SHIFT = 3600.0
"""How far a clock is set back [s]."""


class Fault(enum.Enum):
    """One kind of fault; the values are what is given on the command line."""

    STALL = "stall"
    DELAY = "delay"
    PARTITION = "partition"
    CLOCK_BACK = "clock_back"


@dataclass(frozen=True)
class FaultPlan:
    """Which members have which fault.

    Attributes:
        counts: Members for each fault; they are taken from the end of the list of names, one after the other.
        delay: How long a slow link holds each message [s].
    """

    counts: tuple[tuple[Fault, int], ...] = ()
    delay: float = 0.5

    def assign(self, names: Sequence[str]) -> dict[Fault, tuple[str, ...]]:
        """Return the members of each fault.

        Raises:
            ConfigurationError: If there are more faults than members.
        """
        wanted = sum(count for _, count in self.counts)
        if wanted > len(names):
            raise ConfigurationError(f"{wanted} members with a fault of {len(names)}; valid: at most all")
        left, assigned = list(names), dict[Fault, tuple[str, ...]]()
        for fault, count in self.counts:
            assigned[fault] = assigned.get(fault, ()) + tuple(left[len(left) - count :])
            del left[len(left) - count :]
        return assigned


def parse_faults(words: Sequence[str], delay: float) -> FaultPlan:
    """Return the plan of words like "stall:2".

    Raises:
        ConfigurationError: If a word is none, or names no fault.
    """
    counts = []
    for word in words:
        name, _, count = word.partition(":")
        kinds = {fault.value: fault for fault in Fault}
        if name not in kinds:
            raise UnknownNameError("fault", name, kinds)
        if not count.isdecimal() or not 1 <= int(count) <= 2000:
            raise ConfigurationError(f"fault '{printable(word)}'; valid: {name}:<number of members>, 1 to 2000")
        counts.append((kinds[name], int(count)))
    return FaultPlan(tuple(counts), delay)


class FaultyTransport:
    """A transport whose link can be cut or slow. What a cut link takes is lost, as on a real one.

    Args:
        transport: The real one.
        delay: How long each message is held in both directions [s]; 0 for not at all.
    """

    def __init__(self, transport: Transport, delay: float = 0.0) -> None:
        self.name = transport.name
        self.is_cut = False
        self._transport = transport
        self._line = _DelayLine(delay) if delay > 0.0 else None

    @property
    def problem(self) -> str:
        """What keeps the real one from its link."""
        return self._transport.problem

    def publish(self, topic: str, data: bytes, is_stop: bool = False) -> None:
        """Send, later or never."""
        self._later(lambda: self._transport.publish(topic, data, is_stop))

    def subscribe(self, topic: str, on_data: OnData) -> None:
        """Listen; what arrives comes later or never."""
        self._transport.subscribe(topic, lambda topic, data: self._later(lambda: on_data(topic, data)))

    def close(self) -> None:
        """Leave."""
        if self._line is not None:
            self._line.close()
        self._transport.close()

    def _later(self, call: Callable[[], None]) -> None:
        if self.is_cut:
            return
        if self._line is None:
            call()
        else:
            self._line.put(call)


class _DelayLine:
    """Makes each call a fixed time after it was put in, in a thread of its own."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._calls: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="slow link", daemon=True)
        self._thread.start()

    def put(self, call: Callable[[], None]) -> None:
        with self._changed:
            heapq.heappush(self._calls, (time.monotonic() + self._delay, next(self._numbers), call))
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(1.0)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._is_closing and (not self._calls or self._calls[0][0] > time.monotonic()):
                    self._changed.wait(self._calls[0][0] - time.monotonic() if self._calls else None)
                if self._is_closing:
                    return
                _, _, call = heapq.heappop(self._calls)
            call()

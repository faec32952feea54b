"""Time and memory of the named sections of a repeated step."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class SectionStatistics:
    """How long one section took, over all steps.

    Attributes:
        count: How often it ran.
        mean, median, p95, low, high: Times [s]; p95 is the 95th percentile, interpolated linearly.
    """

    count: int
    mean: float
    median: float
    p95: float
    low: float
    high: float


def statistics_of(times: list[float]) -> SectionStatistics:
    """Return the statistics of at least one time [s].

    Raises:
        ValueError: If there is none.
    """
    if not times:
        raise ValueError("no times given; valid: at least one")
    given = np.array(times)
    return SectionStatistics(
        len(times), float(given.mean()), float(np.median(given)), float(np.percentile(given, 95)), float(given.min()),
        float(given.max()),
    )  # fmt: skip


@dataclass
class SectionTimes:
    """Measures sections of a step.

    Attributes:
        synchronize: Called before each look at the clock, so that work on an accelerator counts where it was asked for.
        memory: Returns the memory in use now [bytes].
        times: Of each section, in the order of the steps [s].
        timeline: After each section: time since the start [s], section, memory [bytes].
    """

    synchronize: Callable[[], None]
    memory: Callable[[], int]
    times: dict[str, list[float]] = field(default_factory=dict)
    timeline: list[tuple[float, str, int]] = field(default_factory=list)
    _start: float = field(default_factory=time.perf_counter)

    @contextlib.contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Measure what is done inside; what raises is not counted."""
        self.synchronize()
        begin = time.perf_counter()
        yield
        self.synchronize()
        end = time.perf_counter()
        self.times.setdefault(name, []).append(end - begin)
        self.timeline.append((end - self._start, name, self.memory()))

    def statistics(self) -> Mapping[str, SectionStatistics]:
        """Return the statistics of every section."""
        return {name: statistics_of(times) for name, times in self.times.items()}

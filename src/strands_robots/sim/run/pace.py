"""When a world in real time wakes, and what time it is there while it sleeps. ROS-free.

A wake costs more than a timestep of physics: the processor has forgotten the model meanwhile. So the physics thread sleeps from one
control tick to the next, and makes the timesteps between them when it wakes. A gate that has news, and a caller, wake it at once.
"""

from __future__ import annotations

import math
import threading
from typing import NamedTuple

from strands_robots.control.loop import MOST_SUBSTEPS, ControlLoop
from strands_robots.core.types import Instant
from strands_robots.sim.run.pacing import Pacer


class _Sleep(NamedTuple):
    """What holds while the thread sleeps: simulated time [s], the next timestep's deadline [s], timesteps before the one with a tick."""

    since: float
    deadline: float
    most: int


class Pace:
    """The sleep of the physics thread.

    Args:
        control: The control loop; its gates wake the thread.
        factor: Simulated seconds for each second of wall time.

    Attributes:
        pacer: The deadlines of the timesteps.
    """

    def __init__(self, control: ControlLoop, factor: float) -> None:
        self._control, self._factor = control, factor
        self._news = threading.Event()
        self._asleep: _Sleep | None = None
        self.set_timestep(control.timestep)

    def set_timestep(self, timestep: float) -> None:
        """Begin a new schedule for a physics timestep [s]."""
        self.pacer = Pacer(timestep / self._factor, sleep=self._sleep)

    def wake(self) -> None:
        """End the sleep; from any thread."""
        self._news.set()

    def stand(self) -> None:
        """Let simulated time be what it is, because it does not pass with the wall's or is about to jump."""
        self._asleep = None

    def wait(self, time: float, next_frame: float) -> int:
        """Sleep to the next control tick or picture, or until there is news.

        Args:
            time: Simulated time [s].
            next_frame: When the next picture is due [s, simulated time].

        Returns:
            How many timesteps are due; 0 when there is only news, or when the next one is far off.
        """
        control = self._control
        ahead = 1 if control.wants_tick else min(control.steps_to_tick, self._steps_to(next_frame - time))
        self._asleep = _Sleep(time, self.pacer.deadline, ahead - 1)
        return self.pacer.wait(ahead)

    def at(self, now: Instant) -> Instant:
        """Return the present as others see it; from any thread.

        The timesteps that are due count as passed though they are not made yet, so that the age of a command goes on by timesteps.
        Never later than the next control tick.

        Args:
            now: Simulated time as the world has it, and steady time.
        """
        asleep = self._asleep
        if asleep is None or now.steady < asleep.deadline:
            return now
        passed = min(int((now.steady - asleep.deadline) / self.pacer.period) + 1, asleep.most)
        return Instant(max(now.ros, asleep.since + passed * self._control.timestep), now.steady)

    def _steps_to(self, left: float) -> int:
        steps = left / self._control.timestep
        return max(math.ceil(min(steps, MOST_SUBSTEPS) - 1e-6), 1)

    def _sleep(self, seconds: float) -> None:
        if self._news.wait(seconds):
            self._news.clear()

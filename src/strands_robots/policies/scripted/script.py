"""A script: stages that are played one after the other, each until the robot has really done it. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import NotAchievedError
from strands_robots.motion.path import TimedPath, quintic

RAMP_PEAK = 1.875
"""Largest slope of the quintic time law, in 1 / duration."""

DONE = "done"
"""Name of the stage after the last."""

SHORTEST = 0.2
"""Shortest time of a stage that moves [s]."""


@dataclass(frozen=True)
class Look:
    """What a stage may look at: joint positions and velocities (D,), measured."""

    position: FloatArray
    velocity: FloatArray


@dataclass(frozen=True, eq=False)
class Curve:
    """A way that was planned.

    Attributes:
        law: When the joints are where; it begins and ends at rest.
        columns: Its joints.
        offset: What is added to it (D',) [rad] or [m]: how far set-points must be from where the joints shall be.
    """

    law: TimedPath
    columns: tuple[int, ...]
    offset: FloatArray

    def at(self, times: FloatArray) -> FloatArray:
        """Return the set-points (M, D') at `times` (M,) [s] after its start."""
        rows: FloatArray = self.law.at(times) + self.offset
        return rows


@dataclass(frozen=True)
class ScriptStage:
    """One step of a script.

    Attributes:
        name: For messages.
        target: Returns the joints' target (D,), asked when the stage begins, given the targets before it.
        columns: Joints that must have arrived before the next stage begins.
        duration: Time for the way [s]; 0 takes what the speed allows.
        pause: Time to stay [s].
        after: Told what is measured at the end; returns the index of the stage to go to, or None for the next.
        curve: Returns the planned way to the target, asked after it; None for the straight way of the joints.
    """

    name: str
    target: Callable[[FloatArray], FloatArray]
    columns: tuple[int, ...] = ()
    duration: float = 0.0
    pause: float = 0.0
    after: Callable[[Look], int | None] = lambda look: None
    curve: Callable[[], Curve | None] = lambda: None


class Script:
    """Plays stages.

    Args:
        stages: In order.
        speed: Largest speed of each joint (D,) [rad/s] or [m/s].
        tolerance: A joint this near to its target has arrived [rad] or [m].
        patience: A target not reached this long after its time is a failure [s].
    """

    def __init__(self, stages: list[ScriptStage], speed: FloatArray, tolerance: float, patience: float) -> None:
        self._stages = stages
        self._speed = speed
        self._tolerance = tolerance
        self._patience = patience
        self._index = -1
        self._from: FloatArray = np.zeros(0)
        self._to: FloatArray = np.zeros(0)
        self._begin = 0.0
        self._duration = 0.0
        self._covered = float("inf")
        self._curve: Curve | None = None

    @property
    def stage(self) -> str:
        """Name of the stage; `DONE` after the last."""
        return self._stages[self._index].name if self._index < len(self._stages) else DONE

    def start(self, position: FloatArray, time: float) -> None:
        """Begin at joint positions (D,) at `time` [s]."""
        self._to = position.copy()
        self._enter(0, time)

    def update(self, look: Look, time: float) -> None:
        """Go on to the next stage when this one is done.

        Raises:
            NotAchievedError: If it cannot be done.
        """
        if self._index >= len(self._stages):
            return
        # Time for which no rows were given, because an answer took so long, is not the robot's: it held meanwhile.
        self._begin += max(time - self._covered, 0.0)
        stage = self._stages[self._index]
        late = time - self._begin - self._duration - stage.pause
        if late < -1e-9:
            return
        columns = list(stage.columns)
        miss = np.abs(look.position[columns] - self._to[columns])
        if (miss <= self._tolerance).all():
            following = stage.after(look)
            self._enter(self._index + 1 if following is None else following, time)
        elif late > self._patience:
            raise NotAchievedError(
                f"stage '{stage.name}' was not done {self._patience:g} s after its time: a joint is {miss.max():.3f} rad away; "
                f"valid: {self._tolerance:g}"
            )

    def rows(self, time: float, period: float, count: int) -> FloatArray:
        """Return targets (count, D) from `time` [s] on, `period` [s] apart; a stage ends in holding its target."""
        self._covered = time + count * period
        times = time - self._begin + np.arange(count, dtype=np.float64) * period
        if self._curve is not None:
            curved = np.repeat(self._to[None, :], count, axis=0)
            curved[:, list(self._curve.columns)] = self._curve.at(np.clip(times, 0.0, None))
            return curved
        fraction = quintic(np.clip(times / self._duration, 0.0, 1.0)) if self._duration > 0.0 else np.ones(count)
        rows: FloatArray = self._from + fraction[:, None] * (self._to - self._from)
        return rows

    def _enter(self, index: int, time: float) -> None:
        self._index = index
        self._from = self._to
        self._begin = time
        self._duration, self._curve = 0.0, None
        if index < len(self._stages):
            stage = self._stages[index]
            self._to = stage.target(self._from)
            self._curve = stage.curve()
            if self._curve is not None:
                self._duration = self._curve.law.duration
                return
            needed = float((np.abs(self._to - self._from) / self._speed).max()) * RAMP_PEAK
            self._duration = max(needed, stage.duration, SHORTEST if needed > 0.0 else 0.0)

"""How a goal steps a world that advances only when it is stepped. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.arrays import FloatArray
from strands_robots.core.chunk import Chunk
from strands_robots.core.types import Observation

LOCKSTEP = "lockstep"


STOP_WAIT = 0.5
"""How long a refusal to step waits for the gate's own word that it is latched [s, steady time]."""


@dataclass(frozen=True)
class StepAnswer:
    """What became of one request to step.

    Attributes:
        success: True when every command was accepted and every step was made.
        message: What was wrong.
        refusals: "<robot>: <explanation>" of each refused command.
        observation: The robot afterwards; None when the world does not have it.
        applied: What its gate let through (source, sequence, joint names, values (D,)).
    """

    success: bool
    message: str
    refusals: tuple[str, ...]
    observation: Observation | None
    applied: tuple[str, int, tuple[str, ...], FloatArray] | None


class WorldLink(Protocol):
    """The session's way to the world. Every call waits for the answer and raises WorldError when there is none."""

    def mode(self) -> tuple[str, float]:
        """Return the world's mode and control period [s]."""

    def step(self, client: str, steps: int, chunk: Chunk | None, *, release: bool = False) -> StepAnswer:
        """Advance by `steps` control periods, with a chunk for the session's robot before the first."""

    def picture(self, camera: str) -> NDArray[np.uint8]:
        """Return a picture (H, W, 3) RGB of one of the robot's cameras at the present instant."""

    def report_progress(self) -> None:
        """Tell the client how far the run is."""

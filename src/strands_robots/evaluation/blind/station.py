"""What a blind trial needs of the place where it is done: an arm that runs a policy, a camera, and a person. No I/O."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Protocol

from strands_robots.evaluation.blind.overlay import Picture
from strands_robots.evaluation.episode_result import PolicyChoice


@dataclass(frozen=True)
class StationEnd:
    """How a policy's run ended.

    Attributes:
        reason: RunPolicy's termination_reason.
        message: Its words.
        elapsed: How long it took [s].
        is_checked: Whether a condition was looked at.
        is_met: Whether it held.
        frames: Pictures of the run, for a critic and for the record.
    """

    reason: str
    message: str
    elapsed: float
    is_checked: bool = False
    is_met: bool = False
    frames: list[Picture] = field(default_factory=list)


class Station(Protocol):
    """The arm and its camera."""

    def look(self) -> Picture | None:
        """Return what the camera sees now (H, W, 3); None without a camera."""

    def run(self, choice: PolicyChoice, seed: int) -> StationEnd:
        """Run a policy to its end."""


class Go(enum.Enum):
    """What a person wants before an episode."""

    RUN = "run"
    LOOK = "look"
    LEAVE = "leave"


class Person(Protocol):
    """Who lays the things and judges. Told nothing that says which policy it is."""

    def prepare(self, words: str) -> Go:
        """Return whether to run, to look at the overlay again, or to leave the trial for now."""

    def judge(self, words: str) -> bool | None:
        """Return whether the task was done; None when that cannot be said, and the episode is run again."""

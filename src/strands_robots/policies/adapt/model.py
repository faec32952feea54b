"""What an adapter stands in front of: a model that speaks its own names, order and units. ROS-free; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.arrays import FloatArray
from strands_robots.core.types import Playback, PolicyGives, PolicyNeeds


@dataclass(frozen=True)
class ModelInput:
    """One observation in the model's vocabulary.

    Attributes:
        stamp: ROS time of the newest row [s].
        state: (T, S) in the order and units of `needs.state`, oldest row first; T is `needs.history`, or as many as
            `needs.state_frames`; fewer at the start of an episode for models that take a short context.
        pictures: Key of `needs.cameras` -> uint8 (T, H, W, 3) RGB, T by the same rule. An optional one that the adapter names
            absent is not there.
        task: What the robot shall do, in words; empty for models without language.
        playback: What is being played; None for models without real-time chunking.
        environment: (T, E) in the order and units of `needs.environment`; (T, 0) for models without.
    """

    stamp: float
    state: FloatArray
    pictures: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    task: str = ""
    playback: Playback | None = None
    environment: FloatArray = field(default_factory=lambda: np.zeros((1, 0)))


class PolicyModel(Protocol):
    """A policy in its own vocabulary."""

    @property
    def needs(self) -> PolicyNeeds:
        """What `infer` must be given."""

    @property
    def gives(self) -> PolicyGives:
        """What `infer` answers."""

    def reset(self, seed: int) -> None:
        """Start an episode."""

    def infer(self, given: ModelInput) -> FloatArray:
        """Return rows (H, A) in the order and units of `gives.action`, row 0 at `given.stamp`.

        Raises:
            PolicyError: If the model cannot answer.
        """

    def close(self) -> None:
        """Free what the model holds."""


ANY_SIZE = (480, 640)
"""Height and width of a made-up picture where the model takes any [px]."""


def made_up_input(needs: PolicyNeeds) -> ModelInput:
    """Return an input of the right form that means nothing, for timing and warming up; what comes of it never moves a robot."""
    random = np.random.default_rng(0)
    pictures = {}
    for key, need in needs.cameras.items():
        height, width = (need.height, need.width) if need.height else ANY_SIZE
        frames = len(need.frames) or needs.history
        pictures[key] = random.integers(0, 255, (frames, height, width, 3), dtype=np.uint8)
    rows = len(needs.state_frames) or needs.history
    state = random.normal(size=(rows, len(needs.state)))
    environment = random.normal(size=(rows, len(needs.environment)))
    return ModelInput(0.0, state, pictures, "inspect" if needs.language else "", None, environment)

"""Policy "hold": stay where the robot was at the first observation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.types import Action, Observation, Playback, PolicyGives, PolicyNeeds
from strands_robots.policies.provider import PolicyContext, PolicyOptions, read_options


class HoldPolicy:
    """Answers every observation with the position of the first.

    Args:
        options: Settings.
    """

    def __init__(self, options: PolicyOptions) -> None:
        self._options = options
        self._position: FloatArray | None = None
        self.needs = PolicyNeeds()
        self.gives = PolicyGives(horizon=options.horizon, rate=options.rate)

    def reset(self, seed: int) -> None:
        """Forget the position; nothing here is random."""
        self._position = None

    def infer(self, observation: Observation, playback: Playback | None = None) -> Action:
        """Return rows (H, D) [rad] that all are the first observation's position."""
        if self._position is None:
            self._position = observation.position.copy()
        rows = np.repeat(self._position[None, :], self._options.horizon, axis=0)
        return Action(observation.joint_names, rows, 1.0 / self._options.rate)

    def close(self) -> None:
        """Nothing to free."""


def create(settings: Mapping[str, Any], context: PolicyContext) -> HoldPolicy:
    """Provider of "hold"; raises ConfigurationError for unknown settings."""
    return HoldPolicy(read_options(PolicyOptions, "hold", settings, context))

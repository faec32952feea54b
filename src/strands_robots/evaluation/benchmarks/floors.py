"""What a policy on a benchmark is held against: its own expert, and as the floor doing nothing and chance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.types import Action, Observation, Playback, PolicyGives, PolicyNeeds
from strands_robots.evaluation.benchmarks.world import BenchmarkWorld, bounds
from strands_robots.policies.host.host import never

NAMES = ("expert", "noop", "random")


class FloorPolicy:
    """Answers one row at a time with what a function says; a `PolicyHost`.

    Args:
        world: The benchmark.
        choose: Returns the action (D,) of the present control period from the episode's random numbers.
    """

    def __init__(self, world: BenchmarkWorld, choose: Callable[[np.random.Generator], NDArray[np.float64]]) -> None:
        self.needs = PolicyNeeds()
        self.gives = PolicyGives(horizon=1, rate=1.0 / world.period)
        self.is_over: Callable[[], bool] = never
        self.is_usable = True
        self.connection = ""
        self._world = world
        self._choose = choose
        self._random = np.random.default_rng(0)

    def reset(self, seed: int) -> None:
        """Start an episode."""
        self._random = np.random.default_rng(seed)

    def infer(self, observation: Observation, playback: Playback | None = None) -> Action:
        """Return one row (1, D) in the benchmark's own units."""
        action = np.asarray(self._choose(self._random), dtype=np.float64)
        return Action(self._world.columns, action[None, :], self._world.period)

    def close(self) -> None:
        """Nothing to free."""


def floor_policy(name: str, world: BenchmarkWorld) -> FloorPolicy:
    """Return one of `NAMES`.

    Raises:
        ConfigurationError: If the benchmark has no expert.
    """
    about = world.process.about
    if name == "noop":
        return FloorPolicy(world, lambda random: world.hold())
    if name == "random":
        low, high = bounds(about)
        return FloorPolicy(world, lambda random: random.uniform(low, high))
    if not about["has_expert"]:
        raise ConfigurationError(f"benchmark '{world.robot}' has no expert; valid: noop, random, or a policy")
    return FloorPolicy(world, lambda random: world.process.ask(do="expert")["action"])

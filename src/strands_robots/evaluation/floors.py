"""What a policy on a task of ours is held against: the task's own expert, and as the floor doing nothing and chance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.types import Action, JointLimits, Observation, Playback, PolicyGives, PolicyNeeds
from strands_robots.evaluation.episode_result import PolicyChoice
from strands_robots.evaluation.task import TaskConfig
from strands_robots.policies.host.host import never

EXPERT, NOOP, RANDOM = "expert", "noop", "random"

_RATE, _HORIZON = 50.0, 50
_SPEED = 0.3
"""Part of the joints' velocity limits at which chance moves."""


def resolve(choice: PolicyChoice, task: TaskConfig) -> PolicyChoice:
    """Return the policy that "expert" and "noop" mean for a task; any other one as it is.

    Raises:
        ConfigurationError: If the task has no expert.
    """
    if choice.policy == NOOP:
        return PolicyChoice("hold")
    if choice.policy != EXPERT:
        return choice
    if task.expert is None:
        raise ConfigurationError(f"task '{task.name}' has no expert; valid: a policy, or 'expert' in the task")
    return task.expert.choice


class RandomTargets:
    """Goes to one random place within the joints' limits after the other; a `PolicyHost`.

    Args:
        limits: Of the robot's joints.
    """

    def __init__(self, limits: JointLimits) -> None:
        self.needs = PolicyNeeds()
        self.gives = PolicyGives(horizon=_HORIZON, rate=_RATE)
        self.is_over: Callable[[], bool] = never
        self.is_usable = True
        self.connection = ""
        self._limits = limits
        self._random = np.random.default_rng(0)

    def reset(self, seed: int) -> None:
        """Start an episode; the seed decides about all places."""
        self._random = np.random.default_rng(seed)

    def infer(self, observation: Observation, playback: Playback | None = None) -> Action:
        """Return rows (H, D) [rad] or [m] on the way to the next place."""
        limits = self._limits
        order = [observation.joint_names.index(name) for name in limits.names]
        here = observation.position[order]
        lower = np.where(np.isfinite(limits.lower), limits.lower, here - np.pi)
        upper = np.where(np.isfinite(limits.upper), limits.upper, here + np.pi)
        reach = limits.velocity * _SPEED * _HORIZON / _RATE
        way = np.clip(self._random.uniform(lower, upper) - here, -reach, reach)
        parts = np.linspace(0.0, 1.0, _HORIZON)[:, None]
        return Action(limits.names, np.clip(here + parts * way, lower, upper), 1.0 / _RATE)

    def close(self) -> None:
        """Nothing to free."""

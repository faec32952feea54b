"""The environment of lerobot.rl's actor: a task of ours, its actions -1 to 1 within a box of joints, its rewards by the task's progress."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from lerobot.teleoperators.utils import TeleopEvents
from numpy.typing import NDArray

from .config_strands_online import StrandsOnlineEnvConfig
from .online_worlds import Moved, OnlineWorld

IS_INTERVENTION, TELEOP_ACTION = "is_intervention", "teleop_action"
"""Where LeRobot's GymHILAdapterProcessorStep looks for a hand and what it did."""


class OnlineEnv(gym.Env[dict[str, Any], NDArray[np.float32]]):
    """One task. Every action passes the robot's gate; what a hand did, or a stop left standing, is what the learner is told.

    Args:
        config: Its options.
        world: Where it acts; None makes the one that the options name.
    """

    def __init__(self, config: StrandsOnlineEnvConfig, world: OnlineWorld | None = None) -> None:
        self._config = config
        self._world = config.make_world() if world is None else world
        size = len(self._world.box.lower)
        self.action_space = spaces.Box(-1.0, 1.0, (size,), np.float32)
        self.observation_space = spaces.Dict({"agent_pos": spaces.Box(-np.inf, np.inf, (size,), np.float64)})
        self.task_description = self._world.instruction
        self._max_episode_steps = self._world.horizon
        self._seed = config.first_seed - 1
        self._episode = _Episode(self._seed)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode; without a seed it has the last one plus 1.

        Raises:
            DeviceNotConnectedError: On the graph, if the robot does not become free in time.
        """
        super().reset(seed=seed)
        self._seed = self._seed + 1 if seed is None else seed
        moved = self._world.reset(self._seed)
        self._episode = _Episode(self._seed)
        return _observation(moved), {IS_INTERVENTION: False, TeleopEvents.IS_INTERVENTION: False}

    def step(self, action: NDArray[np.float32]) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Send one action (D,) of -1 to 1 to the gate.

        Returns:
            What is seen, the reward, whether the task is done, whether the episode ended otherwise, and about it.

        Raises:
            PolicyError: If the action is none, or the gate refuses it.
        """
        box = self._world.box
        moved = self._world.step(box.target(action))
        reward = float(moved.is_success)
        if self._config.reward == "progress":
            reward = 0.0 if moved.is_success else moved.progress - 1.0
        about: dict[str, Any] = {
            IS_INTERVENTION: moved.is_intervention, "is_success": moved.is_success, "reason": moved.reason, "seed": self._seed,
        }  # fmt: skip
        if moved.executed is not None:
            about[TELEOP_ACTION] = box.action(moved.executed).astype(np.float32)
        self._episode.add(reward, moved)
        if moved.is_over and self._config.episodes:
            with Path(self._config.episodes).open("a", encoding="utf-8") as file:
                file.write(json.dumps(self._episode.row(moved)) + "\n")
        return _observation(moved), reward, moved.is_success, moved.is_over and not moved.is_success, about

    def close(self) -> None:
        """Let go of the world; a robot of the graph holds."""
        self._world.close()


class _Episode:
    """What is noted of one episode."""

    def __init__(self, seed: int) -> None:
        self._seed, self._steps, self._interventions, self._return = seed, 0, 0, 0.0

    def add(self, reward: float, moved: Moved) -> None:
        """Take one step."""
        self._steps += 1
        self._interventions += moved.is_intervention
        self._return += reward

    def row(self, moved: Moved) -> dict[str, Any]:
        """Return the episode's line."""
        return {
            "seed": self._seed, "steps": self._steps, "return": self._return, "is_success": moved.is_success,
            "progress": moved.progress, "interventions": self._interventions, "reason": moved.reason,
        }  # fmt: skip


def _observation(moved: Moved) -> dict[str, Any]:
    return {"agent_pos": moved.state}

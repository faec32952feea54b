"""PushT of gym-pusht. Runs in the benchmark's environment, see worker.py."""

from __future__ import annotations

from typing import Any


class PushT:
    """The T that is pushed onto its place; initial states are the seeds 0 to 49 of its own generator."""

    packages = ("gym-pusht", "pymunk", "numpy", "gymnasium")
    control_rate = 10.0
    action = ("x", "y")
    low, high, noop = [0.0, 0.0], [512.0, 512.0], None
    state = ("agent_x", "agent_y", "block_x", "block_y", "block_angle")
    cameras = {"image": (96, 96)}  # noqa: RUF012
    has_expert = False
    states = 50

    def __init__(self, tools: Any) -> None:
        self._tools = tools
        self._env: Any = None

    def tasks(self) -> list[dict[str, Any]]:
        """Return the one task."""
        return [{"name": "pusht", "instruction": "push the T onto its place", "states": self.states, "horizon": 300}]

    def identify(self, task: str) -> dict[str, str]:
        """Return the hash of the environment's source."""
        import gym_pusht.envs.pusht as source

        with open(source.__file__, "rb") as file:
            return {"source_sha256": self._tools.sha256(file.read())}

    def reset(self, task: str, index: int, seed: int) -> list[tuple[str, bool]]:
        """Begin an episode; the index is the seed of the environment."""
        import gym_pusht  # noqa: F401  registers the environment
        import gymnasium

        if self._env is None:
            self._env = gymnasium.make(
                "gym_pusht/PushT-v0", disable_env_checker=True, render_mode="rgb_array"
            ).unwrapped
        self._observation, _ = self._env.reset(seed=index)
        return []

    def observe(self) -> Any:
        """Return the state (5,) [px, px, px, px, rad]."""
        return self._observation

    def step(self, action: Any) -> bool:
        """Advance one control period and return whether the T covers its place."""
        self._observation, _, _, _, info = self._env.step(action)
        return bool(info["is_success"])

    def expert(self) -> Any:
        """There is none."""
        raise ValueError("gym-pusht has no expert")

    def picture(self, camera: str) -> Any:
        """Return a picture (96, 96, 3)."""
        return self._env.render()

    def digest(self) -> str:
        """Return the SHA-256 of the present state with the agent's velocity."""
        import numpy as np

        block, agent = self._env.block, self._env.agent
        values = [*self._observation, *agent.velocity, *block.velocity, block.angular_velocity]
        return str(self._tools.sha256(np.array(values, dtype="<f8").tobytes()))


def make(tools: Any, name: str) -> PushT:
    """Return the benchmark."""
    return PushT(tools)

"""One task as a Gymnasium environment with LeRobot's names: agent_pos, environment_state, pixels and is_success."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from strands_robots.evaluation.harness.stepped_task import Seen, SteppedTask


class StrandsEnv(gym.Env[dict[str, Any], NDArray[np.float32]]):
    """A task of strands_robots in lockstep; actions are joint positions in LeRobot's numbers and pass the robot's gate.

    Args:
        task: Name or file of the task.
        fps: Actions a second [Hz].
        cameras: Cameras, see `SteppedTask`.
        bodies: Bodies whose places are in environment_state.

    Attributes:
        task: Name of the task.
        task_description: What the robot shall do, in words.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012, Gymnasium's
    render_mode = "rgb_array"

    def __init__(self, task: str, fps: int = 20, cameras: Sequence[str] = (), bodies: Sequence[str] = ()) -> None:
        self._stepped = SteppedTask(task, fps, cameras, bodies)
        self.metadata = {**self.metadata, "render_fps": fps}
        self.task = self._stepped.task.name
        self.task_description = self._stepped.instruction
        self._max_episode_steps = self._stepped.horizon
        self._seed = -1
        size = len(self._stepped.names)
        self.action_space = spaces.Box(-np.inf, np.inf, (size,), np.float32)
        seen: dict[str, spaces.Space[Any]] = {"agent_pos": spaces.Box(-np.inf, np.inf, (size,), np.float64)}
        if self._stepped.environment:
            seen["environment_state"] = spaces.Box(-np.inf, np.inf, (len(self._stepped.environment),), np.float64)
        if self._stepped.cameras:
            pictures = {
                picture_key(camera): spaces.Box(0, 255, (*size_, 3), np.uint8)
                for camera, size_ in self._stepped.cameras.items()
            }
            seen["pixels"] = spaces.Dict(pictures)
        self.observation_space = spaces.Dict(seen)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode; its seed says where things lie, and without one it is the last one plus 1.

        Raises:
            WorldError: If the task's premise does not hold.
        """
        super().reset(seed=seed)
        self._seed = self._seed + 1 if seed is None else seed
        seen = self._stepped.reset(self._seed)
        return _observation(seen), {"is_success": False, "seed": self._seed}

    def step(self, action: NDArray[np.float32]) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Send one action and return what is seen; the reward is 1 when the task is done.

        Raises:
            PolicyError: If the gate refuses the action.
        """
        seen = self._stepped.step(action)
        about = {"is_success": seen.is_success, "reason": seen.reason, "seed": self._seed}
        is_late = seen.is_over and not seen.is_success
        return _observation(seen), float(seen.is_success), seen.is_success, is_late, about

    def render(self) -> NDArray[np.uint8]:
        """Return a picture (240, 320, 3) of the scene."""
        return self._stepped.draw()

    def close(self) -> None:
        """Free the graphics."""
        self._stepped.close()


def _observation(seen: Seen) -> dict[str, Any]:
    found: dict[str, Any] = {"agent_pos": seen.state}
    if len(seen.environment):
        found["environment_state"] = seen.environment
    if seen.pictures:
        found["pixels"] = {picture_key(camera): picture for camera, picture in seen.pictures.items()}
    return found


def picture_key(camera: str) -> str:
    """Return a camera's name in LeRobot's keys, which have dots and no slashes."""
    return camera.removeprefix("/").replace("/", ".")

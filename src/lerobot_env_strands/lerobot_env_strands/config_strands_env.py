"""Options of the environment, as LeRobot's commands take them: --env.type=strands --env.task=lift_cube --env.bodies=cube."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import gymnasium as gym
from lerobot.configs import FeatureType, PolicyFeature
from lerobot.envs.configs import EnvConfig
from lerobot.utils.constants import ACTION, OBS_ENV_STATE, OBS_IMAGES, OBS_STATE

from strands_robots.core.errors import ConfigurationError
from strands_robots.evaluation.harness.stepped_task import SteppedTask
from strands_robots.evaluation.suite import is_suite, load_suite

from .env import StrandsEnv, picture_key


@EnvConfig.register_subclass("strands")
@dataclass
class StrandsEnvConfig(EnvConfig):
    """Tasks of strands_robots.

    Attributes:
        task: A task or a suite: a name, or a YAML file. The tasks of a suite must have the same robot and the same bodies.
        fps: Actions a second [Hz]; a step is a whole number of the task's control periods.
        cameras: Cameras of the robot, separated by commas; with a slash before them those of the world. Empty for no pictures.
        bodies: Bodies whose places become observation.environment_state, separated by commas.
        features, features_map: Made from the task; not to be given.
    """

    task: str | None = "lift_cube"
    fps: int = 20
    cameras: str = ""
    bodies: str = ""
    features: dict[str, PolicyFeature] = field(default_factory=dict)
    features_map: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        first, *others = (self._task_of(name) for name in self.tasks)
        for other in others:
            if (other.names, other.cameras, other.environment) != (first.names, first.cameras, first.environment):
                raise ConfigurationError(
                    f"tasks '{first.task.name}' and '{other.task.name}' have other joints or cameras; valid: tasks of one robot"
                )
        self.features = {ACTION: PolicyFeature(FeatureType.ACTION, (len(first.names),))}
        self.features["agent_pos"] = PolicyFeature(FeatureType.STATE, (len(first.names),))
        self.features_map = {ACTION: ACTION, "agent_pos": OBS_STATE}
        if first.environment:
            self.features["environment_state"] = PolicyFeature(FeatureType.ENV, (len(first.environment),))
            self.features_map["environment_state"] = OBS_ENV_STATE
        for camera, (height, width) in first.cameras.items():
            key = f"pixels/{picture_key(camera)}"
            self.features[key] = PolicyFeature(FeatureType.VISUAL, (height, width, 3))
            self.features_map[key] = f"{OBS_IMAGES}.{picture_key(camera)}"

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names or files of the tasks.

        Raises:
            ConfigurationError: If none is named.
        """
        if not self.task:
            raise ConfigurationError("no task is given; valid: --env.task=NAME, a task or a suite")
        return load_suite(self.task).tasks if is_suite(self.task) else (self.task,)

    @property
    def gym_kwargs(self) -> dict[str, Any]:
        """Options of each environment besides its task."""
        return {"fps": self.fps, "cameras": _words(self.cameras), "bodies": _words(self.bodies)}

    def create_envs(
        self, n_envs: int, use_async_envs: bool = False
    ) -> dict[str, dict[int, gym.vector.VectorEnv[Any, Any, Any]]]:
        """Return for the task, or each task of the suite, `n_envs` environments that are stepped together."""
        return {
            self.task or "": {
                number: self._vector(task, n_envs, use_async_envs) for number, task in enumerate(self.tasks)
            }
        }

    def _vector(self, task: str, count: int, is_async: bool) -> gym.vector.VectorEnv[Any, Any, Any]:
        makers: list[Callable[[], gym.Env[Any, Any]]] = [
            partial(StrandsEnv, task, **self.gym_kwargs) for _ in range(count)
        ]
        mode = gym.vector.AutoresetMode.SAME_STEP
        if is_async and count > 1:
            return gym.vector.AsyncVectorEnv(makers, autoreset_mode=mode, context="spawn")
        return gym.vector.SyncVectorEnv(makers, autoreset_mode=mode)

    def _task_of(self, name: str) -> SteppedTask:
        return SteppedTask(name, self.fps, _words(self.cameras), _words(self.bodies))


def _words(given: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in given.split(",") if word.strip())

"""Options of the environment of LeRobot's online learning: --env.type=strands_online --env.task=reach --env.world=lockstep."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from lerobot.configs import FeatureType, PolicyFeature
from lerobot.envs.configs import EnvConfig
from lerobot.utils.constants import ACTION, OBS_STATE

from strands_robots.core.errors import ConfigurationError
from strands_robots.description.robot_config import load_robot
from strands_robots.evaluation.task import load_task

from .online_worlds import GraphWorld, LockstepWorld, OnlineWorld

WORLDS = ("lockstep", "graph")
REWARDS = ("progress", "success")


@EnvConfig.register_subclass("strands_online")
@dataclass
class StrandsOnlineEnvConfig(EnvConfig):
    """A task of strands_robots for lerobot.rl's actor and learner.

    Attributes:
        task: A task: a name, or a YAML file.
        fps: Actions a second [Hz].
        world: "lockstep" for the task's own simulated world, as fast as it goes; "graph" for a robot of a running graph, simulated or real.
        robot, model, namespace: On the graph: the robot's name there, what it is, and the graph's namespace.
        source: On the graph: who commands, "class/name"; a hand's class is higher, so that it takes the robot over.
        span: How far an action may send a joint from its start [rad] or [m].
        joints: Joints that actions move, separated by commas; empty for all.
        reward: "progress": each step costs what is missing of the task's progress, and success ends it; "success": 1 when it is done.
        first_seed: Seed of the first episode; each further one has the next.
        episodes: File that gets one line of JSON for each episode; empty for none.
        reset_timeout: On the graph: how long an episode waits for the robot to be free, resumed and at its start [s].
        features, features_map: Made from the robot; not to be given.
    """

    task: str | None = "reach"
    fps: int = 10
    world: str = "lockstep"
    robot: str = "so101"
    model: str = "so101"
    namespace: str = ""
    source: str = "policy/online"
    span: float = 0.8
    joints: str = ""
    reward: str = "progress"
    first_seed: int = 0
    episodes: str = ""
    reset_timeout: float = 600.0
    features: dict[str, PolicyFeature] = field(default_factory=dict)
    features_map: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, given, valid in (("world", self.world, WORLDS), ("reward", self.reward, REWARDS)):
            if given not in valid:
                raise ConfigurationError(f"{name} is '{given}'; valid: {', '.join(valid)}")
        if self.fps < 1:
            raise ConfigurationError(f"fps is {self.fps}; valid: 1 or more")
        if not re.fullmatch(r"(policy|external|agent)/[A-Za-z0-9_.-]+", self.source):
            raise ConfigurationError(
                f"source is '{self.source}'; valid: policy/NAME, external/NAME, agent/NAME, so that a hand can take the robot over"
            )
        names = self.robot_joints
        self.features = {
            ACTION: PolicyFeature(FeatureType.ACTION, (len(names),)),
            "agent_pos": PolicyFeature(FeatureType.STATE, (len(names),)),
        }
        self.features_map = {ACTION: ACTION, "agent_pos": OBS_STATE}

    @property
    def task_name(self) -> str:
        """The task.

        Raises:
            ConfigurationError: If none is named.
        """
        if not self.task:
            raise ConfigurationError("no task is given; valid: --env.task=NAME")
        return self.task

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Joints that actions move; empty for all."""
        return tuple(word.strip() for word in self.joints.split(",") if word.strip())

    @property
    def robot_joints(self) -> tuple[str, ...]:
        """All joints of the task's robot."""
        return tuple(load_robot(load_task(self.task_name).robot).joints)

    @property
    def gym_kwargs(self) -> dict[str, Any]:
        """None: the actor makes its environment itself."""
        return {}

    def make_world(self) -> OnlineWorld:
        """Return the world, joined and ready."""
        return LockstepWorld(self) if self.world == "lockstep" else GraphWorld(self)

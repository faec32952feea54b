"""Makes of an online learner's checkpoint a policy like any other: joint positions for actions, and an adapter. Needs lerobot and torch.

While it learns, actions are -1 to 1 within a box of joints. The sides of the box become the statistics by which LeRobot's own
post-processor turns -1 to 1 into joint positions, so that `evaluate`, `run_policy` and LeRobot's commands take the policy as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset.schema import RobotPart, Schema
from strands_robots.description.robot_config import load_robot
from strands_robots.evaluation.episode_result import PolicyChoice
from strands_robots.evaluation.harness.stepped_task import SteppedTask
from strands_robots.evaluation.task import load_task
from strands_robots.learning.online.joint_box import JointBox, box_about
from strands_robots.learning.online.online_command import WIDTH, OnlineConfig
from strands_robots.policies.adapt.dataset_adapter import adapter_text
from strands_robots.recording.recording_options import robot_numbers

ADAPTER = "adapter.yaml"
ACTION = "action"


@dataclass(frozen=True)
class OnlineSpace:
    """What a run's states and actions mean.

    Attributes:
        box: Where actions may send the joints, in LeRobot's numbers.
        statistics: What the policy normalises with while it learns: joints by their limits, actions as they are.
        adapter: The adapter of the exported policy, YAML.
    """

    box: JointBox
    statistics: dict[str, dict[str, list[float]]]
    adapter: str


def online_space(config: OnlineConfig) -> OnlineSpace:
    """Return what the states and actions of a run mean.

    Raises:
        ConfigurationError: If a joint has no limits, or the box is none.
        UnknownNameError: If there is no such task or joint.
    """
    stepped = SteppedTask(config.task, config.rate)
    about = load_robot(load_task(config.task).robot)
    codec = robot_numbers(about)
    box = box_in_numbers(box_about(stepped.joint_limits, stepped.home, config.span, config.joints), codec)
    stepped.close()
    adapter = adapter_text(Schema(config.rate, (RobotPart(about.name, codec),)))
    return OnlineSpace(box, statistics_of(config.task), adapter)


def box_in_numbers(box: JointBox, codec: Any) -> JointBox:
    """Return a box of SI in LeRobot's numbers."""
    sides = codec.to_lerobot(box.lower), codec.to_lerobot(box.upper)
    return JointBox(np.minimum(*sides), np.maximum(*sides))


def statistics_of(task: str) -> dict[str, dict[str, list[float]]]:
    """Return what an online learner's policy normalises with: joints by their limits, and actions by -1 to 1, as they are.

    Raises:
        ConfigurationError: If a joint of the task's robot has no limits.
    """
    about = load_robot(load_task(task).robot)
    limits, codec = about.limits(), robot_numbers(about)
    sides = [codec.to_lerobot(limits.lower), codec.to_lerobot(limits.upper)]
    lower, upper = np.minimum(*sides).tolist(), np.maximum(*sides).tolist()
    if not np.isfinite(sides).all():
        raise ConfigurationError(
            f"a joint of {about.name} turns without end; valid: a robot whose joints all have limits"
        )
    count = len(lower)
    return {"observation.state": {"min": lower, "max": upper}, ACTION: {"min": [-1.0] * count, "max": [1.0] * count}}


def export_policy(trained: Path | None, out: Path, space: OnlineSpace, seed: int = 0) -> None:
    """Write a policy with its processors and adapter.

    Args:
        trained: Folder of what the learner left, or pretrained_model of its checkpoint; None for the policy before any training.
        out: Folder to write.
        space: What its numbers mean.
        seed: Of the weights before any training.
    """
    import torch
    from lerobot.configs import FeatureType, PolicyFeature, PreTrainedConfig
    from lerobot.policies import make_pre_post_processors
    from lerobot.policies.gaussian_actor.configuration_gaussian_actor import ActorNetworkConfig, GaussianActorConfig
    from lerobot.policies.gaussian_actor.modeling_gaussian_actor import GaussianActorPolicy

    size = len(space.box.lower)
    stats = {**space.statistics, ACTION: {"min": space.box.lower.tolist(), "max": space.box.upper.tolist()}}
    if trained is None:
        torch.manual_seed(seed)
        config = GaussianActorConfig(
            device="cpu", push_to_hub=False, latent_dim=WIDTH, state_encoder_hidden_dim=WIDTH,
            actor_network_kwargs=ActorNetworkConfig([WIDTH, WIDTH]),
            input_features={"observation.state": PolicyFeature(FeatureType.STATE, (size,))},
            output_features={ACTION: PolicyFeature(FeatureType.ACTION, (size,))},
        )  # fmt: skip
        policy = GaussianActorPolicy(config)
    else:
        config = PreTrainedConfig.from_pretrained(str(trained))
        if not isinstance(config, GaussianActorConfig):
            raise ConfigurationError(f"{trained} is of type '{config.type}'; valid: gaussian_actor")
        policy = GaussianActorPolicy.from_pretrained(str(trained), config=config)
    policy.config.dataset_stats = stats
    policy.save_pretrained(out)
    for processor in make_pre_post_processors(policy.config, dataset_stats=stats):
        processor.save_pretrained(out)
    (out / ADAPTER).write_text(space.adapter, encoding="utf-8")


def choice_of(folder: Path) -> PolicyChoice:
    """Return how an exported policy is chosen, for evaluations and goals."""
    config = yaml.safe_dump({"path": str(folder.absolute()), "device": "cpu"})
    return PolicyChoice("lerobot", config, str((folder / ADAPTER).absolute()))

"""What LeRobot's actor and learner are told. The one file that knows their options; seen in lerobot 0.6.1. No I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from strands_robots.core.errors import ConfigurationError

LEARNER, ACTOR = "learner", "actor"
_DIGITS = 9  # LeRobot writes a checkpoint at this step too; no run comes there

EPISODES = "episodes.jsonl"
WIDTH = 64
"""Of the layers of policy and critics: a state of joints needs no more, and two cores train no more."""


@dataclass(frozen=True)
class OnlineConfig:
    """What is learnt, where and for how long.

    Attributes:
        task: Task: name or file.
        output: Folder of the run; must not exist.
        duration: How long actor and learner run together [s].
        rate: Actions a second [Hz].
        span: How far an action may send a joint from its start [rad] or [m].
        joints: Joints that actions move; empty for all.
        world: "lockstep" or "graph".
        robot, model, namespace: The robot of the graph.
        seed: Of networks, exploration and the first episode.
        save_every: Steps of optimisation between LeRobot's checkpoints, each with the whole replay buffer; 0 for none.
        random_steps: Steps of the actor before the learner begins.
        options: Further options of LeRobot's two programs, without the dashes.
    """

    task: str
    output: Path
    duration: float = 600.0
    rate: int = 10
    span: float = 0.8
    joints: tuple[str, ...] = ()
    world: str = "lockstep"
    robot: str = "so101"
    model: str = "so101"
    namespace: str = ""
    seed: int = 0
    save_every: int = 0
    random_steps: int = 400
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.duration > 0.0:
            raise ConfigurationError(f"the duration is {self.duration:g} s; valid: above 0")
        for name, value, least in (
            ("rate", self.rate, 1),
            ("save_every", self.save_every, 0),
            ("random_steps", self.random_steps, 1),
        ):
            if value < least:
                raise ConfigurationError(f"{name} is {value}; valid: {least} or more")


def environment_words(config: OnlineConfig) -> list[str]:
    """Return the options of the environment `strands_online`."""
    return [
        "--env.type=strands_online", f"--env.task={config.task}", f"--env.fps={config.rate}", f"--env.world={config.world}",
        f"--env.robot={config.robot}", f"--env.model={config.model}", f"--env.namespace={config.namespace}",
        f"--env.span={config.span}", f"--env.joints={','.join(config.joints)}", f"--env.first_seed={config.seed}",
        f"--env.episodes={(config.output / EPISODES).absolute()}",
    ]  # fmt: skip


def program_words(
    config: OnlineConfig, role: str, port: int, statistics: Mapping[str, Mapping[str, Sequence[float]]]
) -> list[str]:
    """Return the options of one of the two programs.

    Args:
        config: The run.
        role: "actor" or "learner".
        port: TCP port of this machine on which the learner listens.
        statistics: What the policy normalises with.
    """
    layers = f"[{WIDTH},{WIDTH}]"
    return [
        *environment_words(config), "--policy.type=gaussian_actor", "--policy.device=cpu", "--policy.push_to_hub=false",
        f"--policy.latent_dim={WIDTH}", f"--policy.state_encoder_hidden_dim={WIDTH}",
        f"--policy.actor_network_kwargs.hidden_dims={layers}", f"--policy.dataset_stats={json.dumps(statistics)}",
        f"--policy.online_steps={10**_DIGITS}", f"--policy.online_step_before_learning={config.random_steps}",
        "--policy.actor_learner_config.learner_host=127.0.0.1", f"--policy.actor_learner_config.learner_port={port}",
        "--policy.actor_learner_config.policy_parameters_push_frequency=1", "--policy.actor_learner_config.queue_get_timeout=0.5",
        "--algorithm.type=sac", f"--algorithm.critic_network_kwargs.hidden_dims={layers}", "--algorithm.temperature_init=0.1",
        "--algorithm.actor_lr=0.001", "--algorithm.critic_lr=0.001", "--algorithm.temperature_lr=0.001",
        "--batch_size=128", f"--seed={config.seed}", f"--save_freq={max(config.save_every, 1)}",
        f"--save_checkpoint={str(config.save_every > 0).lower()}", "--log_freq=1000",
        "--job_name=online", "--wandb.enable=false", f"--output_dir={(config.output / role).absolute()}",
        *(f"--{option}" for option in config.options),
    ]  # fmt: skip

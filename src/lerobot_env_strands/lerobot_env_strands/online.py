"""LeRobot's own actor and learner on the environment `strands_online`: python -m lerobot_env_strands.online actor|learner ARGUMENTS

Of LeRobot's actor only the two functions that make its environment are replaced: its own environment drives the robot past the gate. The
steps of the pipelines are LeRobot's. The learner, which keeps nothing when it is ended, keeps its policy in the folder "final".
The one file that reaches into lerobot.rl; seen in lerobot 0.6.1.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError

from .config_strands_online import StrandsOnlineEnvConfig
from .online_env import OnlineEnv

ROLES = ("actor", "learner")
FINAL, STEPS = "final", "steps.json"


def make_online_env(cfg: Any) -> tuple[OnlineEnv, None]:
    """Return the environment, and no teleoperator: a hand takes the robot over at the gate."""
    if not isinstance(cfg, StrandsOnlineEnvConfig):
        raise ConfigurationError(f"the environment is of type '{cfg.type}'; valid here: strands_online")
    return OnlineEnv(cfg), None


def make_online_processors(env: OnlineEnv, teleop_device: None, cfg: Any, device: str = "cpu") -> tuple[Any, Any]:
    """Return LeRobot's pipelines of observations and actions, those of an environment that says itself what a hand did."""
    from lerobot.envs.configs import HILSerlProcessorConfig, HILSerlRobotEnvConfig
    from lerobot.rl.gym_manipulator import make_processors

    about = HILSerlRobotEnvConfig(name="gym_hil", task=cfg.task, fps=cfg.fps, processor=HILSerlProcessorConfig())
    return make_processors(env, None, about, device)


def main() -> None:
    """Run one of the two until it is ended by SIGINT or SIGTERM.

    Raises:
        ConfigurationError: If the role is none, or this LeRobot is another one.
    """
    role = sys.argv[1] if len(sys.argv) > 1 else ""
    if role not in ROLES:
        raise ConfigurationError(f"the role is '{role}'; valid: {', '.join(ROLES)}")
    del sys.argv[1]
    _go_without_dataset()
    if role == "learner":
        _learn()
    else:
        _act()


def _learn() -> None:
    from lerobot.rl import learner

    _require(learner, ("make_policy", "make_algorithm", "start_learner_threads", "train_cli"))
    make_policy, make_algorithm, run_threads = (
        learner.make_policy,
        learner.make_algorithm,
        learner.start_learner_threads,
    )
    made: dict[str, Any] = {}

    def keep_policy(*args: Any, **options: Any) -> Any:
        made["policy"] = make_policy(*args, **options)
        return made["policy"]

    def keep_algorithm(*args: Any, **options: Any) -> Any:
        made["algorithm"] = make_algorithm(*args, **options)
        return made["algorithm"]

    def run(cfg: Any, *args: Any, **options: Any) -> None:
        run_threads(cfg, *args, **options)
        if len(made) == 2:
            folder = Path(cfg.output_dir) / FINAL
            made["policy"].save_pretrained(folder)
            (folder / STEPS).write_text(json.dumps({"steps": made["algorithm"].optimization_step}), encoding="utf-8")

    learner.make_policy, learner.make_algorithm, learner.start_learner_threads = keep_policy, keep_algorithm, run
    learner.train_cli()


def _act() -> None:
    from lerobot.rl import actor

    _require(actor, ("make_robot_env", "make_processors", "precise_sleep", "actor_cli"))

    def make_env(cfg: Any) -> tuple[OnlineEnv, None]:
        if isinstance(cfg, StrandsOnlineEnvConfig) and cfg.world == "lockstep":
            actor.precise_sleep = _no_pause  # its time passes in steps, and none of it outside
        return make_online_env(cfg)

    actor.make_robot_env, actor.make_processors = make_env, make_online_processors
    actor.actor_cli()


def _require(module: Any, names: tuple[str, ...]) -> None:
    """Raise ConfigurationError if a module of LeRobot lacks a name."""
    if missing := [name for name in names if not hasattr(module, name)]:
        raise ConfigurationError(f"{module.__name__} has no {', '.join(missing)}; valid: lerobot 0.6.1")


def _no_pause(seconds: float) -> None:
    """Return at once."""


def _go_without_dataset() -> None:
    """Let a configuration without demonstrations be valid, as LeRobot's own comment has it: its check reads the dataset's name."""
    from lerobot.configs.default import DatasetConfig
    from lerobot.configs.train import TrainPipelineConfig

    check = TrainPipelineConfig.validate

    def validate(config: Any) -> None:
        is_without = config.dataset is None
        if is_without:
            config.dataset = DatasetConfig(repo_id="none")
        try:
            check(config)
        finally:
            if is_without:
                config.dataset = None

    TrainPipelineConfig.validate = validate


if __name__ == "__main__":
    main()

"""Stage deploy: the promoted policy runs on the robot that one word names, and deployed.json says what is in use. Writes files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset.files import read_json, write_json
from strands_robots.evaluation.task import load_task
from strands_robots.learning.pipeline.content_hash import canonical_sha256, policy_sha256
from strands_robots.learning.pipeline.evaluate_stage import robot_of
from strands_robots.learning.pipeline.pipeline_config import DeployConfig
from strands_robots.learning.pipeline.stage import Context
from strands_robots.learning.pipeline.train_stage import ADAPTER, POLICY

DEPLOYED = "deployed.json"


@dataclass(frozen=True)
class Deployment:
    """What shall run where.

    Attributes:
        robot: The robot.
        policy: Folder of the policy.
        adapter: Its adapter, YAML.
        device: cpu, cuda or mps.
        instruction: What the robot shall do, in words.
        config: Where, and for how long.
    """

    robot: str
    policy: Path
    adapter: str
    device: str
    instruction: str
    config: DeployConfig


Deployer = Callable[[Deployment, Callable[[str], None]], Mapping[str, Any]]
"""Runs a policy on a robot and returns what it did; raises StrandsRobotsError when it did not run to its end."""


class DeployStage:
    """Runs exactly the policy that was promoted.

    Args:
        deployer: What moves the robot.
    """

    name = "deploy"

    def __init__(self, deployer: Deployer) -> None:
        self._deployer = deployer

    def inputs(self, context: Context) -> Mapping[str, Any]:
        """Return the promotion, and where the policy shall run."""
        return {"promotion": context.done["gate"].outputs, "deploy": context.config.deploy.model_dump(mode="json")}

    def run(self, context: Context, folder: Path, key: str) -> Mapping[str, Any]:
        """Check that the policy on the disk is the promoted one, run it, and say that it is in use."""
        policy, promoted = context.done["train"].folder / POLICY, context.done["gate"].outputs[POLICY]
        found = policy_sha256(policy)
        if found != promoted:
            raise ConfigurationError(
                f"{policy} has hash {found}, and {promoted} was promoted; valid: the promoted policy"
            )
        given = context.config.deploy
        task = load_task(context.config.task_text)
        facts: dict[str, Any] = {"to": given.to, "robot": robot_of(context), "ran": False}
        if given.to != "none" and given.duration > 0.0:
            adapter = (policy / ADAPTER).read_text(encoding="utf-8")
            wanted = Deployment(
                robot_of(context), policy, adapter, context.config.train.device, task.instruction or task.name, given
            )
            facts |= {"ran": True, **self._deployer(wanted, context.tell)}
        promotion = context.done["gate"].outputs["promotion"]
        write_json(context.folder / DEPLOYED, {"policy": str(policy), "policy_sha256": promoted, "promotion": promotion,
                                               "to": given.to, "robot": robot_of(context)})  # fmt: skip
        write_json(folder / "run.json", facts)
        return facts

    def outputs(self, context: Context, folder: Path) -> Mapping[str, str]:
        """Return the hash of what is in use, and where; how long the robot took does not count."""
        read_json(folder / "run.json")
        given = read_json(context.folder / DEPLOYED)
        return {
            "deployed": canonical_sha256({name: given[name] for name in ("policy_sha256", "promotion", "to", "robot")})
        }

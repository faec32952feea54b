"""A pipeline from its file to a deployed policy: makes the stages, runs them, and writes the report whatever becomes of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import yaml

from strands_robots.approvals.approval_policy import load_policy
from strands_robots.core.errors import ConfigurationError, StrandsRobotsError
from strands_robots.core.share import share_directory
from strands_robots.learning.pipeline.deploy_stage import Deployer, DeployStage
from strands_robots.learning.pipeline.engine import run_stages
from strands_robots.learning.pipeline.evaluate_stage import CompareStage, EvaluateStage, GateStage
from strands_robots.learning.pipeline.journal import Journal
from strands_robots.learning.pipeline.pipeline_config import PipelineConfig, load_pipeline
from strands_robots.learning.pipeline.promotion import Authority
from strands_robots.learning.pipeline.publish_stage import PublishStage
from strands_robots.learning.pipeline.record_stage import RecordStage, VerifyStage
from strands_robots.learning.pipeline.report import write_report
from strands_robots.learning.pipeline.stage import Context, Stage, StageDone
from strands_robots.learning.pipeline.train_stage import TrainStage
from strands_robots.operators.keyring import Keyring, load_keyring

KEPT = "pipeline.yaml"


def run_pipeline(
    config: PipelineConfig, folder: Path, deployer: Deployer, tell: Callable[[str], None] = lambda line: None
) -> list[StageDone]:
    """Run what is left of a pipeline, and return its stages.

    Args:
        config: The pipeline.
        folder: Where everything of it is kept.
        deployer: What moves the robot.
        tell: Told what happens, line by line.

    Raises:
        GateClosedError: If the policy is not good enough.
        WaitingForPersonError: If a person has to decide first.
        StrandsRobotsError: If a stage cannot be done; the journal says which.
    """
    folder = folder.expanduser().absolute()
    authority = read_authority(config)
    with Journal(folder, config.name) as journal:
        _keep(config, folder / KEPT)
        context = Context(folder, config, journal, tell)
        try:
            return run_stages(make_stages(config, authority, deployer), context)
        finally:
            _write_report(context)


def resume_pipeline(
    folder: Path, deployer: Deployer, tell: Callable[[str], None] = lambda line: None
) -> list[StageDone]:
    """Run what is left of the pipeline in a folder, with the settings it was last run with; raises as `run_pipeline`."""
    kept = folder.expanduser().absolute() / KEPT
    if not kept.is_file():
        raise ConfigurationError(f"{folder} holds no pipeline; valid: the folder of one that was run")
    return run_pipeline(load_pipeline(kept), folder, deployer, tell)


def make_stages(config: PipelineConfig, authority: Authority, deployer: Deployer) -> list[Stage]:
    """Return the stages of a pipeline in their order."""
    stages: list[Stage] = [
        RecordStage(), VerifyStage(), TrainStage(), EvaluateStage(), CompareStage(), GateStage(authority), DeployStage(deployer)
    ]  # fmt: skip
    is_published = bool(config.publish.dataset or config.publish.policy)
    return [*stages, PublishStage(authority)] if is_published else stages


def read_authority(config: PipelineConfig) -> Authority:
    """Return whose word counts for a pipeline; where nothing real is deployed to, the policy for simulations.

    Raises:
        ConfigurationError: If policy or keyring cannot be used.
    """
    given = config.approvals
    name = "approval_policy.yaml" if config.deploy.to == "real" else "approval_policy_simulation.yaml"
    policy, digest = load_policy(given.policy or share_directory() / "config" / name)
    return Authority(policy, digest, load_keyring(given.keyring) if given.keyring is not None else Keyring())


def _write_report(context: Context) -> None:
    """Write the page; where that fails, the pipeline still ends with what its stages said."""
    try:
        write_report(context.folder, context.journal.records)
    except (OSError, StrandsRobotsError) as error:
        context.tell(f"the report was not written: {error}")


def _keep(config: PipelineConfig, path: Path) -> None:
    """Keep the settings beside the work, so that it can be resumed by its folder alone."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    text = yaml.safe_dump(config.model_dump(mode="json", exclude_unset=True), sort_keys=False)
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)

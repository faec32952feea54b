"""`strands-robots correct`: attempts of a policy that an expert corrects, as a dataset. Needs no running graph, but LeRobot."""

from __future__ import annotations

from typing import Annotated

import typer

from strands_robots.cli.cli_options import say
from strands_robots.cli.demonstrate import (
    Adapter,
    Bodies,
    Cameras,
    Config,
    Episodes,
    Fps,
    RepoId,
    Root,
    Seed,
    Task,
    tell_attempt,
)


def correct(
    task: Task,
    policy: Annotated[str, typer.Argument(help="Policy that is corrected, for example lerobot.")],
    root: Root,
    config: Config = "",
    adapter: Adapter = "",
    expert: Annotated[str, typer.Option(help="Policy that corrects; empty takes the task's expert.")] = "",
    expert_config: Annotated[str, typer.Option(help="Settings of the expert as YAML or JSON.")] = "",
    after: Annotated[
        tuple[float, float], typer.Option(help="The expert takes over after a time drawn between these two [s].")
    ] = (1.0, 4.0),
    correction: Annotated[
        float, typer.Option(help="The expert gives the robot back after this long [s]; 0: it keeps it.", min=0.0)
    ] = 0.0,
    episodes: Episodes = 20,
    seed: Seed = 0,
    fps: Fps = 20,
    bodies: Bodies = None,
    cameras: Cameras = None,
    repo_id: RepoId = "local/corrections",
) -> None:
    """Record attempts of a policy that an expert corrects (DAgger), whole, and keep those that succeed as a LeRobot dataset.

    The feature `intervention` marks the expert's frames; `strands-robots train --frames` chooses which are trained on. A dataset of
    `strands-robots demonstrate --intervention` can be continued.
    """
    from strands_robots.evaluation.corrections import CorrectedRunner, CorrectionPlan
    from strands_robots.evaluation.demonstrations import DemonstrationConfig, demonstrate
    from strands_robots.evaluation.episode_result import PolicyChoice

    learner = PolicyChoice(policy, config, adapter)
    plan = CorrectionPlan(learner, PolicyChoice(expert, expert_config) if expert else None, after, correction)
    wanted = DemonstrationConfig(
        task, learner, root.expanduser().absolute(), episodes, seed, fps, tuple(bodies or ()), tuple(cameras or ()),
        repo_id, with_intervention=True,
    )  # fmt: skip
    done = demonstrate(wanted, tell_attempt, lambda config, feed: CorrectedRunner(config, plan, feed))
    say(
        f"{root}: {done.episodes} episodes; {done.frames} new frames, {done.failures} attempts that failed are not in it"
    )

"""`strands-robots correct`: attempts of a policy that an expert corrects, as a dataset. Needs no running graph, but LeRobot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strands_robots.cli.cli_options import complain, say


def correct(
    task: Annotated[str, typer.Argument(help="Task: a name in config/tasks, a YAML file, or YAML.")],
    policy: Annotated[str, typer.Argument(help="Policy that is corrected, for example lerobot.")],
    root: Annotated[Path, typer.Argument(help="Folder of the dataset; an existing one is continued.")],
    config: Annotated[str, typer.Option(help="Settings of the policy as YAML or JSON.")] = "",
    adapter: Annotated[str, typer.Option(help="Adapter: a name in config/adapters, a YAML file, or YAML.")] = "",
    expert: Annotated[str, typer.Option(help="Policy that corrects; empty takes the task's expert.")] = "",
    expert_config: Annotated[str, typer.Option(help="Settings of the expert as YAML or JSON.")] = "",
    after: Annotated[
        tuple[float, float], typer.Option(help="The expert takes over after a time drawn between these two [s].")
    ] = (1.0, 4.0),
    correction: Annotated[
        float, typer.Option(help="The expert gives the robot back after this long [s]; 0: it keeps it.", min=0.0)
    ] = 0.0,
    episodes: Annotated[int, typer.Option(help="Number of episodes in the dataset at the end.", min=1)] = 20,
    seed: Annotated[int, typer.Option(help="Seed of the first episode; the others count up.", min=0)] = 0,
    fps: Annotated[int, typer.Option(help="Frames a second [Hz]; a frame is whole control periods.", min=1)] = 20,
    bodies: Annotated[
        list[str] | None,
        typer.Option("--body", help="Body whose x, y, z and yaw are recorded as observation.environment_state."),
    ] = None,
    cameras: Annotated[list[str] | None, typer.Option("--camera", help="Camera of the robot.")] = None,
    repo_id: Annotated[str, typer.Option(help="Name of the dataset, <owner>/<name>.")] = "local/corrections",
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
    done = demonstrate(
        wanted,
        lambda one, is_kept: complain(
            f"episode {one.seed}: {'kept' if is_kept else 'not kept'}, {one.time:.2f} s: {one.message}"
        ),
        lambda config, feed: CorrectedRunner(config, plan, feed),
    )
    say(
        f"{root}: {done.episodes} episodes; {done.frames} new frames, {done.failures} attempts that failed are not in it"
    )

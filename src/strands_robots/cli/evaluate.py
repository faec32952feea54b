"""`strands-robots evaluate`: does a policy do its task? Needs no running graph: each worker has a world of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strands_robots.cli.cli_options import complain, say


def evaluate(
    task: Annotated[str, typer.Argument(help="Task: a name in config/tasks, a YAML file, or YAML.")],
    policy: Annotated[str, typer.Argument(help="Policy provider, for example scripted or lerobot.")],
    config: Annotated[str, typer.Option(help="Settings of the policy as YAML or JSON.")] = "",
    adapter: Annotated[str, typer.Option(help="Adapter: a name in config/adapters, a YAML file, or YAML.")] = "",
    episodes: Annotated[int, typer.Option(help="Number of episodes.", min=1)] = 20,
    seed: Annotated[int, typer.Option(help="Seed of the first episode; the others count up.", min=0)] = 0,
    workers: Annotated[int, typer.Option(help="Processes at once; 0 takes one for each core.", min=0)] = 0,
    output: Annotated[Path | None, typer.Option(help="Folder for results.json and videos.")] = None,
    failure_videos: Annotated[int, typer.Option(help="Most videos of episodes that failed.", min=0)] = 0,
) -> None:
    """Run a policy on many seeded episodes of a task and print how many succeed, with the 95 % interval.

    Exit code 0 when every episode ran, whether it succeeded or not.
    """
    from strands_robots.evaluation.episode import PolicyChoice
    from strands_robots.evaluation.runner import EvaluationConfig
    from strands_robots.evaluation.runner import evaluate as run

    choice = PolicyChoice(policy, config, adapter)
    options = EvaluationConfig(task, choice, episodes, seed, workers, output, failure_videos)
    result = run(
        options,
        lambda one: complain(
            f"episode {one.seed}: {'success' if one.success else 'failure'}, {one.time:.2f} s: {one.message}"
        ),
    )
    say(result.summary())
    if output is not None:
        say(f"  {output / 'results.json'}")

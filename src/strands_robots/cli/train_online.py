"""`strands-robots train-online`: a policy learns a task while it acts, by LeRobot's actor and learner, and is held against its start."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strands_robots.cli.cli_options import complain, say

_EPISODES = 20
_FIRST = 1_000_000
"""Seed of the first episode that is evaluated: none of those in which was learnt."""


def train_online(
    task: Annotated[str, typer.Argument(help="Task: a name, or a YAML file.")],
    output: Annotated[Path, typer.Option(help="Folder of the run; must not exist.")],
    minutes: Annotated[float, typer.Option(help="How long it learns.")] = 10.0,
    world: Annotated[
        str,
        typer.Option(
            help="lockstep: the task's own simulated world, as fast as it goes; graph: a robot of the running graph."
        ),
    ] = "lockstep",
    robot: Annotated[str, typer.Option(help="With --world graph: the robot's name there.")] = "so101",
    model: Annotated[str, typer.Option(help="With --world graph: what it is, a name or a YAML file.")] = "so101",
    namespace: Annotated[str, typer.Option(help="With --world graph: the graph's namespace.")] = "",
    rate: Annotated[int, typer.Option(help="Actions a second.")] = 10,
    span: Annotated[float, typer.Option(help="How far an action may send a joint from its start, rad or m.")] = 0.8,
    joint: Annotated[
        list[str] | None, typer.Option(help="Joint that actions move; several times; none takes all.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of networks, exploration and the first episode.")] = 0,
    option: Annotated[
        list[str] | None, typer.Option(help="Option of LeRobot's actor and learner, NAME=VALUE; several times.")
    ] = None,
    episodes: Annotated[
        int, typer.Option(help="Simulated episodes that try the policy before and after; 0 for none.", min=0)
    ] = _EPISODES,
) -> None:
    """Learn a task while acting, with LeRobot's actor and learner, every action through the robot's gate.

    A hand that takes the robot over, as with `strands-robots teleop`, shows what to do; a stop ends the episode. Ctrl-C ends the
    learning and keeps what was learnt. Exit code 0 when the policy succeeds at least as often as before.
    """
    from strands_robots.learning.online.episodes import mean_return
    from strands_robots.learning.online.online_command import OnlineConfig
    from strands_robots.learning.online.train_online import train_online as run

    config = OnlineConfig(
        task, output.expanduser(), 60.0 * minutes, rate, span, tuple(joint or ()), world, robot, model, namespace, seed,
        options=tuple(option or ()),
    )  # fmt: skip
    found = run(config, complain)
    say(f"{len(found.episodes)} episodes, {found.steps} steps of optimisation; the policy is in {found.policy}")
    if found.episodes:
        say(f"mean return of the first {len(found.first)} episodes {mean_return(found.first):.1f}, "
            f"of the last {len(found.last)} {mean_return(found.last):.1f}")  # fmt: skip
    if episodes and not _beats_its_start(task, found.untrained, found.policy, episodes, output.expanduser()):
        raise typer.Exit(1)


def _beats_its_start(task: str, untrained: Path, policy: Path, episodes: int, output: Path) -> bool:
    from strands_robots.evaluation.runner import EvaluationConfig, evaluate
    from strands_robots.learning.online.export_policy import choice_of

    rates = []
    for name, folder in (("before", untrained), ("after", policy)):
        found = evaluate(
            EvaluationConfig(task, choice_of(folder), episodes, _FIRST, output_folder=output / f"evaluation_{name}")
        )
        say(f"{name}: {found.summary()}")
        rates.append(found.successes)
    return rates[1] >= rates[0]

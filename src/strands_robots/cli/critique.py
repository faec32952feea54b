"""`strands-robots critique`: let a vision-language model grade videos of episodes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strands_robots.cli.cli_options import say

BAD = 1
NO_VERDICT = 3


def critique(
    path: Annotated[
        Path, typer.Argument(help="Video (.mp4, .gif), dataset, or output folder of an evaluation.", exists=True)
    ],
    episode: Annotated[list[int] | None, typer.Option(help="Episode of a dataset; none takes all.", min=0)] = None,
    camera: Annotated[str, typer.Option(help="Camera of a dataset, where it has several.")] = "",
    task: Annotated[str, typer.Option(help="What the robot should do; empty takes what the episode says.")] = "",
    rubric: Annotated[
        str, typer.Option(help="Rubric: a name in config/rubrics, a YAML file, or YAML.")
    ] = "manipulation",
    url: Annotated[
        str, typer.Option(help="OpenAI-compatible endpoint that takes videos.", envvar="STRANDS_ROBOTS_CRITIC_URL")
    ] = "http://127.0.0.1:8000/v1",
    model: Annotated[str, typer.Option(help="Model; empty takes the server's only one.")] = "",
    api_key: Annotated[
        str, typer.Option(help="Key of the endpoint.", envvar="STRANDS_ROBOTS_CRITIC_KEY", show_default=False)
    ] = "",
    think: Annotated[bool, typer.Option(help="Let the model think first.")] = False,
    fps: Annotated[float, typer.Option(help="Pictures a second that it looks at [Hz].", min=0.1, max=60.0)] = 4.0,
    seed: Annotated[int, typer.Option(help="Seed of its sampling.", min=0)] = 0,
    timeout: Annotated[float, typer.Option(help="For one answer [s].", min=1.0)] = 300.0,
) -> None:
    """Grade videos of episodes by a rubric; verdicts are kept beside them.

    Exit code 0 when all pass, 1 when one fails, 3 when there is no verdict about one: that is no grade.
    """
    from strands_robots.evaluation.critic.chat import ChatConfig, ChatEndpoint
    from strands_robots.evaluation.critic.critique import Critic
    from strands_robots.evaluation.critic.rubric import load_rubric
    from strands_robots.evaluation.critic.targets import find_targets
    from strands_robots.evaluation.critic.verdict import Outcome

    config = ChatConfig(url, model, api_key, think, fps, seed, timeout)
    critic = Critic(ChatEndpoint(config), load_rubric(rubric))
    outcomes = []
    for target in find_targets(path, episode or (), task, camera, fps):
        verdict = critic.critique(target)
        outcomes.append(verdict.outcome)
        say(f"{verdict.outcome.value}: {target.name}: {verdict.message}")
        for name, judged in verdict.criteria.items():
            say(f"  {name}: {'good' if judged['good'] else 'bad'}: {judged['why']}")
        say(f"  {target.verdict_path}")
    counts = ", ".join(f"{outcomes.count(outcome)} {outcome.value}" for outcome in Outcome)
    say(f"{len(outcomes)} episodes: {counts}")
    if Outcome.NO_VERDICT in outcomes:
        raise typer.Exit(NO_VERDICT)
    if Outcome.FAIL in outcomes:
        raise typer.Exit(BAD)

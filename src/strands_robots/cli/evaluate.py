"""`strands-robots evaluate`: does a policy do its task? Needs no running graph: each worker has a world of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strands_robots.cli.cli_options import say
from strands_robots.cli.evaluation_progress import EpisodeProgress
from strands_robots.core.errors import ConfigurationError

if TYPE_CHECKING:
    from strands_robots.evaluation.runner import EvaluationConfig

Workers = Annotated[int, typer.Option(help="Episodes at once; 0 takes one for each core.", min=0)]
On = Annotated[
    str, typer.Option(help="Where episodes run: nothing for processes of this machine, ray, or ray://host:port.")
]
Output = Annotated[Path | None, typer.Option(help="Folder for results.jsonl, results.json and videos.")]


def evaluate(
    task: Annotated[
        str, typer.Argument(help="Task or suite: a name in config/tasks or config/suites, a YAML file, or YAML.")
    ] = "",
    policy: Annotated[str, typer.Argument(help="Policy provider, for example lerobot; or expert, noop, random.")] = "",
    config: Annotated[str, typer.Option(help="Settings of the policy as YAML or JSON.")] = "",
    adapter: Annotated[str, typer.Option(help="Adapter: a name in config/adapters, a YAML file, or YAML.")] = "",
    episodes: Annotated[int, typer.Option(help="Number of episodes.", min=1)] = 20,
    seed: Annotated[int, typer.Option(help="Seed of the first episode; the others count up.", min=0)] = 0,
    workers: Workers = 0,
    output: Output = None,
    failure_videos: Annotated[int, typer.Option(help="Most videos of episodes that failed.", min=0)] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the results.jsonl in the output folder.")
    ] = False,
    repeat_from: Annotated[
        Path | None, typer.Option("--from", help="A results.jsonl: repeat its episodes and compare each one.")
    ] = None,
    on: On = "",
    latency: Annotated[
        str,
        typer.Option(help="Time that passes for each inference [s]: 0, measured, or several, for example 0,0.1,0.5."),
    ] = "0",
) -> None:
    """Run a policy on many seeded episodes of a task and print how many succeed, with the 95 % interval.

    Exit code 0 when every episode ran, whether it succeeded or not; with --from, 1 when an episode came out differently.
    """
    from strands_robots.evaluation.episode_result import PolicyChoice
    from strands_robots.evaluation.latency import parse_latencies
    from strands_robots.evaluation.runner import EvaluationConfig
    from strands_robots.evaluation.runner import evaluate as run
    from strands_robots.evaluation.suite import is_suite

    if repeat_from is not None:
        if task or policy:
            raise ConfigurationError("--from has task and policy in its file; valid: --from without them")
        _repeat(repeat_from, workers, output, on)
        return
    if not task or not policy:
        raise ConfigurationError(
            "task and policy are needed; valid: evaluate TASK POLICY, or evaluate --from results.jsonl"
        )
    choice = PolicyChoice(policy, config, adapter)
    options = EvaluationConfig(task, choice, episodes, seed, workers, output, failure_videos, resume, on)
    latencies = parse_latencies(latency)
    if len(latencies) > 1:
        _sweep(options, latencies)
        return
    options = replace(options, latency=latencies[0])
    if is_suite(task):
        _suite(task, options)
    else:
        with EpisodeProgress(episodes) as progress:
            result = run(options, progress.take)
        say(result.summary())
    if output is not None:
        say(f"  {output / 'results.jsonl'}")
        say(f"  {output / 'results.json'}")


def _sweep(options: EvaluationConfig, latencies: list[float]) -> None:
    from strands_robots.evaluation.latency import latency_text
    from strands_robots.evaluation.suite import is_suite
    from strands_robots.evaluation.sweep import draw, sweep

    if is_suite(options.task):
        raise ConfigurationError("several latencies are for one task; valid: one latency for a suite")
    with EpisodeProgress(options.episodes * len(latencies)) as progress:
        points = sweep(options, latencies, progress.take)
    say("latency [s]  success %  95 % interval   stale %")
    for one in points:
        interval = f"{100.0 * one.lower:.1f} to {100.0 * one.upper:.1f}"
        say(
            f"{latency_text(one.latency):>11}  {100.0 * one.rate:>9.1f}  {interval:<13}  {100.0 * one.stale_share:>8.1f}"
        )
    if options.output_folder is not None:
        picture = options.output_folder / "latency.png"
        draw(points, f"{options.choice.policy} on {options.task}"[:80], picture)
        say(f"  {picture}")


def _suite(name: str, options: EvaluationConfig) -> None:
    from strands_robots.evaluation.suite import evaluate_suite, load_suite
    from strands_robots.evaluation.summary import task_lines

    suite = load_suite(name)
    with EpisodeProgress(options.episodes * len(suite.tasks)) as progress:
        found = evaluate_suite(suite, options, progress.take)
    for line in task_lines(found.results):
        say(line)


def _repeat(path: Path, workers: int, output: Path | None, on: str) -> None:
    from strands_robots.evaluation.repeat import repeat

    with EpisodeProgress(0) as progress:
        found = repeat(path, workers, output, on, progress.take)
    for line in found.environment:
        say(f"differs: {line}")
    for line in found.episodes_unlike:
        say(f"not the same: {line}")
    same = found.episodes - len(found.episodes_unlike)
    say(f"{same} of {found.episodes} episodes came out the same, bit for bit")
    if found.episodes_unlike:
        raise typer.Exit(1)

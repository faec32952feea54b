"""`strands-robots compare`: is B better or worse than A, on the same episodes?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strands_robots.cli.cli_options import Namespace, say
from strands_robots.cli.evaluate import On, Workers
from strands_robots.cli.evaluation_progress import EpisodeProgress
from strands_robots.core.errors import ConfigurationError

if TYPE_CHECKING:
    from strands_robots.evaluation.compare.comparison import Comparison

REGRESSION = 3
"""Exit code when B is worse."""

LEFT = 4
"""Exit code when a blind trial was left before its end."""


def compare(
    a: Annotated[str, typer.Argument(help="Results of the policy that is the measure; with --task the policy.")],
    b: Annotated[str, typer.Argument(help="Results of the policy in question; with --task the policy.")],
    task: Annotated[
        str, typer.Option(help="Run both on this task now, pair by pair: a name, a YAML file, or YAML.")
    ] = "",
    pairs: Annotated[int, typer.Option(help="With --task: most pairs.", min=1, max=10_000)] = 200,
    seed: Annotated[int, typer.Option(help="With --task: seed of the first pair; the others count up.", min=0)] = 0,
    alpha: Annotated[float, typer.Option(help="Share of false alarms that is accepted.")] = 0.05,
    unpaired: Annotated[
        bool, typer.Option("--unpaired", help="The episodes were not the same: Barnard's test.")
    ] = False,
    workers: Workers = 0,
    output: Annotated[Path | None, typer.Option(help="With --task: folder for the results of both.")] = None,
    on: On = "",
    blind: Annotated[
        bool,
        typer.Option(
            "--blind", help="On a robot of the graph, without telling which policy moves it; --task in words."
        ),
    ] = False,
    robot: Annotated[str, typer.Option(help="With --blind: robot to move.")] = "",
    duration: Annotated[float, typer.Option(help="With --blind: an episode ends after this [s].", min=0.0)] = 20.0,
    camera: Annotated[
        str, typer.Option(help="With --blind: camera that matches starts and films, <robot>/<camera>.")
    ] = "",
    judge: Annotated[str, typer.Option(help="With --blind: who judges: person, condition or critic.")] = "person",
    success_when: Annotated[str, typer.Option(help="With --judge condition: the condition, YAML or JSON.")] = "",
    stop_when: Annotated[str, typer.Option(help="With --blind: condition that ends an episode early.")] = "",
    namespace: Namespace = "",
) -> None:
    """Hold the results of B against those of A: results.jsonl of evaluate, eval_info.json of lerobot-eval, aggregates of vla-eval.

    With --task, A and B are policies ({policy: lerobot, config: {path: ...}}), and pairs run until the evidence is enough.
    With --blind they run on a robot of the graph, and what was done is judged before anything says which one it was.
    Exit code 3 when B is worse, else 0; 4 when a blind trial was left before its end.
    """
    blind_only = {
        "--robot": robot, "--camera": camera, "--success-when": success_when, "--stop-when": stop_when,
        "--judge": judge != "person",
    }  # fmt: skip
    others = {"--unpaired": unpaired, "--workers": workers, "--on": on}
    if without_use := [name for name, value in (others if blind else blind_only).items() if value]:
        raise ConfigurationError(
            f"{', '.join(without_use)} would not count {'with' if blind else 'without'} --blind; valid: to leave it out"
        )
    if blind:
        from strands_robots.cli.compare_blind import BlindWords, blind_trial

        words = BlindWords(
            task, robot, duration, camera, judge, success_when, stop_when, pairs, seed, alpha, output, namespace
        )
        found = blind_trial(a, b, words)
        if found is None:
            raise typer.Exit(LEFT)
    elif task:
        found = _live(a, b, task, pairs, seed, alpha, workers, output, on)
    else:
        from strands_robots.evaluation.compare.comparison import compare as weigh
        from strands_robots.evaluation.compare.outcomes import read_outcomes

        found = weigh(read_outcomes(Path(a)), read_outcomes(Path(b)), alpha, is_paired=not unpaired)
    from strands_robots.evaluation.compare.report import report

    for line in report(found):
        say(line)
    if found.verdict < 0:
        raise typer.Exit(REGRESSION)


def _live(
    a: str, b: str, task: str, pairs: int, seed: int, alpha: float, workers: int, output: Path | None, on: str
) -> Comparison:
    from strands_robots.evaluation.compare.live import LiveComparison, compare_live, read_choice

    config = LiveComparison(task, read_choice(a), read_choice(b), pairs, seed, alpha, workers, output, on)
    with EpisodeProgress(2 * pairs) as progress:
        return compare_live(config, progress.take)

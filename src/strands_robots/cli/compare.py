"""`strands-robots compare`: is B better or worse than A, on the same episodes?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strands_robots.cli.cli_options import say
from strands_robots.cli.evaluate import On, Workers
from strands_robots.cli.evaluation_progress import EpisodeProgress

if TYPE_CHECKING:
    from strands_robots.evaluation.compare.comparison import Comparison

REGRESSION = 3
"""Exit code when B is worse."""


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
) -> None:
    """Hold the results of B against those of A: results.jsonl of evaluate, eval_info.json of lerobot-eval, aggregates of vla-eval.

    With --task, A and B are policies ({policy: lerobot, config: {path: ...}}), and pairs run until the evidence is enough.
    Exit code 3 when B is worse, else 0.
    """
    if task:
        found = _live(a, b, task, pairs, seed, alpha, workers, output, on)
    else:
        from strands_robots.evaluation.compare.comparison import compare as judge
        from strands_robots.evaluation.compare.outcomes import read_outcomes

        found = judge(read_outcomes(Path(a)), read_outcomes(Path(b)), alpha, is_paired=not unpaired)
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

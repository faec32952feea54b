"""`strands-robots sweep`: training runs with varied options, and which of their policies is best."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strands_robots.cli.cli_options import complain, say
from strands_robots.cli.evaluate import On

if TYPE_CHECKING:
    from strands_robots.evaluation.training.run_sweep import SweepResults


def sweep(
    file: Annotated[str, typer.Argument(help="The sweep: a YAML file, or YAML.")],
    output: Annotated[Path, typer.Option(help="Folder for trainings, results.jsonl and evaluations.")],
    workers: Annotated[int, typer.Option(help="Trainings at once; 0 takes one for each core.", min=0)] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what is in the folder.")] = False,
    on: On = "",
) -> None:
    """Run lerobot-train for every combination of options, and try every policy on the same episodes.

    Exit code 0 when every training ended well, else 1.
    """
    from strands_robots.evaluation.training.run_sweep import run_sweep
    from strands_robots.evaluation.training.sweep_config import load_sweep

    found = run_sweep(load_sweep(file), output.expanduser(), workers, on, is_resumed=resume, tell=complain)
    for line in sweep_lines(found):
        say(line)
    if not all(trial.trained.success for trial in found.trials):
        raise typer.Exit(1)


def sweep_lines(found: SweepResults) -> list[str]:
    """Return a sweep as lines of text, the best policy first."""
    lines = []
    for trial in found.trials:
        values = ", ".join(f"{name} {value}" for name, value in trial.varied.items())
        line = f"{trial.name}  {values}: {trial.trained.message}"
        if trial.evaluation is not None:
            line += f"; {trial.evaluation.successes} of {len(trial.evaluation.results)} succeeded"
        against = found.against_best.get(trial.name)
        if against is not None:
            line += f", against the best exact McNemar p = {against.p_value:.4g}"
        lines.append(line)
    return lines

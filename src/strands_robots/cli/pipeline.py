"""`strands-robots pipeline`: record, verify, train, evaluate, compare, gate, deploy and publish, as one file says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from strands_robots.cli.cli_options import complain, say

if TYPE_CHECKING:
    from strands_robots.learning.pipeline.stage import StageDone

app = typer.Typer(
    help="The loop in one file: record, train, evaluate, compare, deploy; every step resumable.", no_args_is_help=True,
    rich_markup_mode=None,
)  # fmt: skip

CLOSED = 3
WAITS = 4

Folder = Annotated[Path, typer.Argument(help="Folder of a pipeline that was run.", exists=True, file_okay=False)]


@app.command("run")
def run(
    file: Annotated[Path, typer.Argument(help="The pipeline, for example examples/pipeline.yaml.", dir_okay=False)],
    folder: Annotated[
        Path | None, typer.Option(help="Where everything of it is kept; without it outputs/<name>.")
    ] = None,
) -> None:
    """Run a pipeline; what was done before with the same inputs is skipped.

    Exit code 0 when it is deployed, 3 when the gate is closed, 4 when a person has to decide first, else 1.
    """
    from strands_robots.learning.pipeline.pipeline_config import load_pipeline
    from strands_robots.learning.pipeline.run_pipeline import run_pipeline

    config = load_pipeline(file)
    where = folder or Path("outputs") / config.name
    _run(where, lambda deployer: run_pipeline(config, where, deployer, complain))


@app.command("resume")
def resume(folder: Folder) -> None:
    """Go on with a pipeline that was interrupted, or that waited for a person; exit codes as of run."""
    from strands_robots.learning.pipeline.run_pipeline import resume_pipeline

    _run(folder, lambda deployer: resume_pipeline(folder, deployer, complain))


@app.command("status")
def status(folder: Folder, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show where each stage stands, with the hashes of what it made."""
    from dataclasses import asdict

    from strands_robots.learning.pipeline.journal import NAME, read_journal
    from strands_robots.learning.pipeline.pipeline_status import pipeline_status

    stages = pipeline_status(list(read_journal(folder / NAME)))
    if as_json:
        say(json.dumps([asdict(stage) for stage in stages], indent=1))
        return
    for stage in stages:
        outputs = "  ".join(f"{name} {digest[:16]}" for name, digest in stage.outputs.items())
        time = f"{stage.elapsed:8.1f} s" if stage.elapsed else " " * 10
        say(f"{stage.stage:<9} {stage.state:<10}{time}  {outputs or stage.words}".rstrip())


def _run(folder: Path, work: Callable[[Any], list[StageDone]]) -> None:
    from strands_robots.learning.pipeline.report import REPORT
    from strands_robots.learning.pipeline.stage import GateClosedError, WaitingForPersonError

    try:
        done = work(_deployer())
    except (GateClosedError, WaitingForPersonError) as error:
        complain(str(error))
        say(f"report: {folder / REPORT}")
        raise typer.Exit(CLOSED if isinstance(error, GateClosedError) else WAITS) from None
    for stage in done:
        outputs = "  ".join(f"{name} {digest[:16]}" for name, digest in stage.outputs.items())
        say(f"{stage.name:<9} {'unchanged' if stage.is_skipped else f'{stage.elapsed:.1f} s':<10} {outputs}")
    say(f"report: {folder / REPORT}")


def _deployer() -> Any:
    """Return what moves the robot; ROS is loaded when it does."""

    def deploy(wanted: Any, tell: Callable[[str], None]) -> Any:
        from strands_robots.robot.policy_deployment import deploy as run_on_robot

        return run_on_robot(wanted, tell)

    return deploy

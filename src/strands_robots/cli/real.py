"""`strands-robots real`: start the graph of a real robot and keep it until Ctrl-C."""

from __future__ import annotations

from typing import Any

import typer

from strands_robots.bringup.real import RealOptions, real_graph
from strands_robots.cli.cli_options import say
from strands_robots.cli.graph_command import run, with_options


@with_options(RealOptions)
def real(**options: Any) -> None:
    """Drive a real robot, with safety supervision and policies. It holds its position and moves only after a resume.

    Exit code 0 after Ctrl-C; 1 when the end of a node ended the graph, which the last line names.
    """
    chosen = RealOptions(**options)
    say("real hardware: the arm takes torque and holds; `strands-robots resume` lets it move")
    raise typer.Exit(run(real_graph(chosen), simulated=False))

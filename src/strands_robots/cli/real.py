"""`strands-robots real`: start the graph of a real robot and keep it until Ctrl-C; connect it again after a lost link."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from strands_robots.bringup.real import RealOptions, real_graph
from strands_robots.cli.cli_options import Namespace, connect, say
from strands_robots.cli.graph_command import run, with_options

app = typer.Typer()


@app.callback(invoke_without_command=True)
@with_options(RealOptions)
def real(context: typer.Context, **options: Any) -> None:
    """Drive a real robot, with safety supervision and policies. It holds its position and moves only after a resume.

    Exit code 0 after Ctrl-C; 1 when the end of a node ended the graph, which the last line names.
    """
    if context.invoked_subcommand is not None:
        return
    chosen = RealOptions(**options)
    say("real hardware: the arm takes torque and holds; `strands-robots resume` lets it move")
    raise typer.Exit(run(real_graph(chosen)))


@app.command()
def reconnect(
    robot: Annotated[str, typer.Option(help="The robot, where the graph has several.")] = "",
    namespace: Namespace = "",
) -> None:
    """Connect a robot again whose link was lost: cleanup, configure and activate its driver_node.

    Support the arm: an arm that still listens is let go for a moment. Then it holds where it is, and stays stopped.

    Exit code 0: connected. 1: not, the last line says why.
    """
    with connect(namespace) as client:
        from strands_robots.clients.driver_client import DriverClient

        driver = DriverClient(client, robot)
        driver.reconnect(say)
        say(f"'{driver.robot}' is connected and holds where it is; `strands-robots resume` lets it move")

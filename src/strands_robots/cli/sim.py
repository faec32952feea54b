"""`strands-robots sim`: start a simulated graph and keep it until Ctrl-C."""

from __future__ import annotations

import os
import sys
import time
from typing import Annotated, Any

import typer

from strands_robots.bringup.graph import Graph, NodeSpec, OnExit
from strands_robots.bringup.robots import BringupRobot, check_robots, parse_robot, parse_robots
from strands_robots.bringup.sim import LAUNCH_ARGUMENTS, SimOptions, describe, sim_graph
from strands_robots.cli.cli_options import complain, connect, operator_source, say
from strands_robots.cli.graph_command import run, with_options
from strands_robots.core.ros_home import ros_home
from strands_robots.live.terminal import can_show_live

STATE_DELAY = 2.0
"""The live state starts this long after the nodes [s], so that it does not slow their start."""

_DEFAULT_ROBOT = LAUNCH_ARGUMENTS["robot"]


@with_options(SimOptions)
def sim(
    robot: Annotated[
        list[str] | None, typer.Option(help=describe("robot") + f" May be repeated. [default: {_DEFAULT_ROBOT}]")
    ] = None,
    robots: Annotated[str, typer.Option(help=describe("robots"))] = "",
    state: Annotated[
        bool, typer.Option(help="Show the live view in a terminal, elsewhere a line of state each second.")
    ] = True,
    plain: Annotated[bool, typer.Option("--plain", help="Lines instead of the live view in a terminal too.")] = False,
    **options: Any,
) -> None:
    """Simulate one or more robots, with safety supervision and policies.

    In a terminal a live view shows robots, rates, gates, safety and the log: space stops every robot, q ends the graph.
    It is plain lines where there is no terminal, with TERM=dumb or NO_COLOR, and with --plain.

    Exit code 0 after Ctrl-C; 1 when the end of a node ended the graph, which the last line names.
    """
    chosen = SimOptions(_robots(robot, robots), **options)
    for spec in chosen.robots:
        if spec.origin:
            say(spec.origin)
    graph = sim_graph(chosen)
    if state and not plain and can_show_live():
        raise typer.Exit(run_live(graph))
    if state:
        graph = graph.with_node(_state_printer(chosen.namespace))
    raise typer.Exit(run(graph))


def _robots(repeated: list[str] | None, together: str) -> tuple[BringupRobot, ...]:
    """Return the robots of --robot, which may be repeated, and --robots, which wins."""
    if repeated and not together:
        return check_robots(map(parse_robot, repeated))
    return parse_robots(_DEFAULT_ROBOT, together)


def run_live(graph: Graph) -> int:
    """Run a simulated graph below the live view and return the exit code."""
    from strands_robots.bringup.prepare import complete, process_of
    from strands_robots.live.child import ChildGraph
    from strands_robots.live.log import LogTail, log_file

    checked = complete(graph)
    for spec in checked.nodes:
        process_of(spec, checked)
    path = log_file(ros_home() / "strands_robots" / "log", f"sim-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log")
    child = ChildGraph(lambda: run(graph))
    tail = LogTail(child.output, path)

    from rich.console import Console

    from strands_robots.live.live_session import LiveSession

    session = LiveSession(lambda: connect(graph.namespace, is_starting=True), operator_source(), (child, tail))
    try:
        code = session.run(Console())
    finally:
        child.interrupt()
    if code:
        for line in tail.last(15):
            complain(line)
    say(f"log of this run: {tail.problem or tail.path}")
    return code


def _state_printer(namespace: str) -> NodeSpec:
    return NodeSpec(
        sys.executable,
        "state",
        package="",
        is_ros_node=False,
        on_exit=OnExit.IGNORE,
        start_delay=STATE_DELAY,
        arguments=("-m", "strands_robots.cli.entry", "state", "--follow", "--namespace", namespace),
    )

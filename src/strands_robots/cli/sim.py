"""`strands-robots sim`: start a simulated graph and keep it until Ctrl-C."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from typing import Annotated

import typer

from strands_robots.bringup.environment import local_discovery
from strands_robots.bringup.graph import Graph, NodeSpec, OnExit
from strands_robots.bringup.robots import check_robots, parse_robot, parse_robots
from strands_robots.bringup.sim import (
    LAUNCH_ARGUMENTS,
    SimOptions,
    describe,
    ros_home,
    sim_graph,
)
from strands_robots.cli.options import complain, connect, operator_source, say
from strands_robots.live.terminal import can_show_live

STATE_DELAY = 2.0
"""The live state starts this long after the nodes [s], so that it does not slow their start."""


def _option(name: str, *flags: str) -> typer.models.OptionInfo:
    info: typer.models.OptionInfo = typer.Option(*flags, help=describe(name))
    return info


def sim(
    robot: Annotated[
        list[str] | None,
        typer.Option(help=describe("robot") + f" May be repeated. [default: {LAUNCH_ARGUMENTS['robot']}]"),
    ] = None,
    robots: Annotated[str, _option("robots")] = "",
    mode: Annotated[str, _option("mode")] = SimOptions.mode,
    headless: Annotated[bool, _option("headless")] = SimOptions.headless,
    cameras: Annotated[bool, _option("cameras")] = SimOptions.cameras,
    rviz: Annotated[bool, _option("rviz")] = SimOptions.rviz,
    foxglove: Annotated[bool, _option("foxglove")] = SimOptions.foxglove,
    foxglove_port: Annotated[int, _option("foxglove_port")] = SimOptions.foxglove_port,
    params_file: Annotated[str, _option("params_file")] = SimOptions.params_file,
    namespace: Annotated[str, _option("namespace")] = SimOptions.namespace,
    log_level: Annotated[str, _option("log_level")] = SimOptions.log_level,
    real_time_factor: Annotated[float, _option("real_time_factor")] = SimOptions.real_time_factor,
    camera_rate: Annotated[float, _option("camera_rate")] = SimOptions.camera_rate,
    seed: Annotated[int, _option("seed")] = SimOptions.seed,
    scene: Annotated[str, _option("scene")] = SimOptions.scene,
    timestep: Annotated[float, _option("timestep")] = SimOptions.timestep,
    control_period: Annotated[float, _option("control_period")] = SimOptions.control_period,
    output_folder: Annotated[str, _option("output_folder")] = SimOptions.output_folder,
    arm_on_start: Annotated[bool, _option("arm_on_start")] = SimOptions.arm_on_start,
    keyring: Annotated[str, _option("keyring")] = SimOptions.keyring,
    recorder: Annotated[bool, _option("recorder")] = SimOptions.recorder,
    evaluation: Annotated[bool, _option("evaluation")] = SimOptions.evaluation,
    approvals: Annotated[bool, _option("approvals")] = SimOptions.approvals,
    agent: Annotated[str, _option("agent")] = SimOptions.agent,
    incidents: Annotated[bool, _option("incidents")] = SimOptions.incidents,
    stop_button: Annotated[str, _option("stop_button")] = SimOptions.stop_button,
    stop_gpio: Annotated[str, _option("stop_gpio")] = SimOptions.stop_gpio,
    state: Annotated[
        bool, typer.Option(help="Show the live view in a terminal, elsewhere a line of state each second.")
    ] = True,
    plain: Annotated[bool, typer.Option("--plain", help="Lines instead of the live view in a terminal too.")] = False,
) -> None:
    """Simulate one or more robots, with safety supervision and policies.

    In a terminal a live view shows robots, rates, gates, safety and the log: space stops every robot, q ends the graph.
    It is plain lines where there is no terminal, with TERM=dumb or NO_COLOR, and with --plain.

    Exit code 0 after Ctrl-C; 1 when the end of a node ended the graph, which the last line names.
    """
    given = (
        check_robots(map(parse_robot, robot))
        if robot and not robots
        else parse_robots(LAUNCH_ARGUMENTS["robot"], robots)
    )
    options = SimOptions(
        given,
        mode=mode,
        headless=headless,
        cameras=cameras,
        rviz=rviz,
        foxglove=foxglove,
        foxglove_port=foxglove_port,
        params_file=params_file,
        namespace=namespace,
        log_level=log_level,
        real_time_factor=real_time_factor,
        camera_rate=camera_rate,
        seed=seed,
        scene=scene,
        timestep=timestep,
        control_period=control_period,
        output_folder=output_folder,
        arm_on_start=arm_on_start,
        keyring=keyring,
        recorder=recorder,
        evaluation=evaluation,
        approvals=approvals,
        agent=agent,
        incidents=incidents,
        stop_button=stop_button,
        stop_gpio=stop_gpio,
    )
    for spec in options.robots:
        if spec.origin:
            say(spec.origin)
    graph = sim_graph(options)
    if state and not plain and can_show_live():
        raise typer.Exit(run_live(graph))
    if state:
        graph = graph.with_node(_state_printer(namespace))
    raise typer.Exit(run(graph))


def run(graph: Graph) -> int:
    """Run a simulated graph until it ends, with `launch` where it is installed, and return the exit code."""
    from strands_robots.bringup.prepare import complete, process_of

    graph = complete(graph, simulated=True)
    processes = [process_of(spec, graph) for spec in graph.nodes]
    if importlib.util.find_spec("launch_ros"):
        from strands_robots.ros.launching import run_graph

        return run_graph(graph)
    from strands_robots.bringup.supervisor import supervise

    return supervise(processes, graph.environment, graph.journal)


def run_live(graph: Graph) -> int:
    """Run a simulated graph below the live view and return the exit code."""
    from strands_robots.bringup.prepare import complete, process_of
    from strands_robots.live.child import ChildGraph
    from strands_robots.live.log import LogTail, log_file

    checked = complete(graph, simulated=True)
    for spec in checked.nodes:
        process_of(spec, checked)
    os.environ.update(local_discovery(os.environ))
    path = log_file(ros_home() / "strands_robots" / "log", f"sim-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log")
    child = ChildGraph(lambda: run(graph))
    tail = LogTail(child.output, path)

    from rich.console import Console

    from strands_robots.live.session import LiveSession

    session = LiveSession(lambda: connect(graph.namespace), operator_source(), (child, tail))
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
        arguments=("-m", "strands_robots.cli.main", "state", "--follow", "--namespace", namespace),
    )

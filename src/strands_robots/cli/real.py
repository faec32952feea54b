"""`strands-robots real`: start the graph of a real robot and keep it until Ctrl-C."""

from __future__ import annotations

import importlib.util
from typing import Annotated

import typer

from strands_robots.bringup.real import RealOptions, describe, real_graph
from strands_robots.cli.options import say


def _option(name: str) -> typer.models.OptionInfo:
    info: typer.models.OptionInfo = typer.Option(help=describe(name))
    return info


def real(
    robot: Annotated[str, _option("robot")],
    port: Annotated[str, _option("port")],
    arm: Annotated[str, _option("arm")] = RealOptions.arm,
    calibration: Annotated[str, _option("calibration")] = RealOptions.calibration,
    at_exit: Annotated[str, _option("at_exit")] = RealOptions.at_exit,
    params_file: Annotated[str, _option("params_file")] = RealOptions.params_file,
    namespace: Annotated[str, _option("namespace")] = RealOptions.namespace,
    log_level: Annotated[str, _option("log_level")] = RealOptions.log_level,
    keyring: Annotated[str, _option("keyring")] = RealOptions.keyring,
    recorder: Annotated[bool, _option("recorder")] = RealOptions.recorder,
    agent: Annotated[str, _option("agent")] = RealOptions.agent,
    incidents: Annotated[bool, _option("incidents")] = RealOptions.incidents,
    stop_button: Annotated[str, _option("stop_button")] = RealOptions.stop_button,
    stop_gpio: Annotated[str, _option("stop_gpio")] = RealOptions.stop_gpio,
) -> None:
    """Drive a real robot, with safety supervision and policies. It holds its position and moves only after a resume.

    Exit code 0 after Ctrl-C; 1 when the end of a node ended the graph, which the last line names.
    """
    options = RealOptions(
        robot, port, arm, calibration, at_exit, params_file, namespace, log_level, keyring, recorder, agent, incidents,
        stop_button, stop_gpio,
    )  # fmt: skip
    say("real hardware: the arm takes torque and holds; `strands-robots resume` lets it move")
    raise typer.Exit(_run(options))


def _run(options: RealOptions) -> int:
    from strands_robots.bringup.prepare import complete, process_of

    graph = complete(real_graph(options), simulated=False)
    processes = [process_of(spec, graph) for spec in graph.nodes]
    if importlib.util.find_spec("launch_ros"):
        from strands_robots.ros.launching import run_graph

        return run_graph(graph)
    from strands_robots.bringup.supervisor import supervise

    return supervise(processes, graph.environment, graph.journal)

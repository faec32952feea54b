"""`strands-robots teleop`: move a robot by hand, with the keys of this terminal, a joystick or a leader arm."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer

from strands_robots.cli.cli_options import Namespace, find_graph
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable

Leader = Annotated[
    str,
    typer.Argument(
        help="keyboard, joy (sensor_msgs/Joy), so101-leader, koch-leader, gamepad or another type of lerobot-teleoperate."
    ),
]


def teleop(
    leader: Leader,
    robot: Annotated[
        str, typer.Option(help="Robot to move: its name, or <name>:=<robot> where it has another name.")
    ] = "so101",
    port: Annotated[str, typer.Option(help="Serial port of a leader arm.")] = "",
    arm: Annotated[str, typer.Option("--id", help="Id of a leader arm, as given to lerobot-calibrate.")] = "",
    options: Annotated[str, typer.Option(help="More options of LeRobot's type, YAML or JSON.")] = "",
    mode: Annotated[str, typer.Option(help="What keys and joystick move at the start: tool or joints.")] = "tool",
    engaging: Annotated[
        str,
        typer.Option(
            help="How a leader arm that stands elsewhere is joined: offset keeps the difference, blend closes it."
        ),
    ] = "offset",
    speed: Annotated[float, typer.Option(help="Part of all speeds to use at the start.", min=0.05, max=1.0)] = 0.5,
    frame: Annotated[str, typer.Option(help="Frame along whose axes the tool moves: base or tool.")] = "base",
    params_file: Annotated[str, typer.Option(help="ROS parameter file of teleop_node, as for a joystick's axes.")] = "",
    namespace: Namespace = "",
) -> None:
    """Teleoperate a robot of a running graph; x or Ctrl-C ends it, and the robot holds.

    Takes the robot over from a policy at once, and lets it go when the keys, the dead-man switch or c are released. The terminal shows
    the keys. Space stops every robot.
    """
    from pathlib import Path

    from strands_robots.bringup.graph import Graph, NodeSpec, ParameterValue, ros_arguments
    from strands_robots.bringup.prepare import find_executable
    from strands_robots.bringup.robots import parse_robot
    from strands_robots.teleop.making import parse_options

    spec = parse_robot(robot)
    if params_file and not Path(params_file).expanduser().is_file():
        raise ConfigurationError(f"params_file '{printable(params_file)}' does not exist; valid: the path of a file")
    given = {**{key: value for key, value in (("port", port), ("id", arm)) if value}, **parse_options(options)}
    parameters: dict[str, ParameterValue] = {
        "robot": f"{spec.name}={spec.model}",
        "leader": leader.replace("-", "_"),
        "leader_options": json.dumps(given) if given else "",
        "terminal": True,
        "mode": mode,
        "engaging": engaging,
        "speed": speed,
        "frame": frame,
    }
    files = (Path(params_file).expanduser().resolve(),) if params_file else ()
    node = NodeSpec("teleop_node", "teleop_node", parameters=parameters, parameter_files=files)
    program = str(find_executable(node.package, node.executable))
    find_graph(namespace)
    # The node takes the place of this command, so that the terminal and its signals are the node's.
    os.execve(program, [program, *ros_arguments(node, Graph((node,), namespace=namespace))], os.environ)

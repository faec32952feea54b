"""`strands-robots moveit-config`: the files of a robot's MoveIt configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strands_robots.cli.cli_options import say


def moveit_config(
    robot: Annotated[str, typer.Argument(help="A robot of `strands-robots robots`.")],
    folder: Annotated[Path, typer.Option(help="Folder that gets config/ with the files.")] = Path("."),
    distribution: Annotated[
        str, typer.Option(help="ROS distribution of the MoveIt that reads them; default: the shell's, else jazzy.")
    ] = "",
    samples: Annotated[
        int,
        typer.Option(help="Joint positions in which links that never touch are looked for.", min=100, max=1_000_000),
    ] = 10_000,
) -> None:
    """Write URDF, SRDF, kinematics, joint limits, controllers and OMPL settings of a robot for MoveIt."""
    from strands_robots.bringup.moveit import moveit_distribution
    from strands_robots.description.robot_config import load_robot
    from strands_robots.planning.moveit.moveit_config import moveit_files, write_files

    files = moveit_files(load_robot(robot), distribution or moveit_distribution(), samples)
    for path in write_files(files, folder):
        say(str(path))

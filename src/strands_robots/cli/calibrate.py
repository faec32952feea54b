"""`strands-robots calibrate`: hand over to LeRobot's own calibration of an arm."""

from __future__ import annotations

import hashlib
import subprocess
from typing import Annotated

import typer

from strands_robots.cli.cli_options import complain, say
from strands_robots.core.errors import ConfigurationError
from strands_robots.drivers.calibrate_command import calibrate_command


def calibrate(
    port: Annotated[str, typer.Option(help="Serial port of the arm.")],
    arm: Annotated[str, typer.Option(help="Id of the arm, yours to choose; names its calibration file.")],
    robot: Annotated[str, typer.Option(help="Robot, as for strands-robots real.")] = "",
    leader: Annotated[str, typer.Option(help="Or LeRobot's name of a leader arm, for example so101_leader.")] = "",
) -> None:
    """Calibrate an arm with LeRobot's own command, which asks for the arm to be moved by hand.

    The arm loses its torque: support it. Exit code that of lerobot-calibrate; 1 for a calibration that cannot be one of the robot.
    """
    from strands_robots.description.robot_config import load_robot
    from strands_robots.drivers.calibration_plausibility import load_plausible

    command, path = calibrate_command(robot, leader, port, arm)
    say("running: " + " ".join(command[1:]))
    try:
        code = subprocess.run(command, check=False).returncode
    except OSError as error:
        raise ConfigurationError(f"'{command[0]}' cannot be run: {error.strerror}") from error
    if code == 0 and path is not None:
        if not path.is_file():
            complain(f"error: LeRobot wrote no '{path}'")
            raise typer.Exit(1)
        load_plausible(path, load_robot(robot))
        say(f"calibration {path}, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}")
    raise typer.Exit(code)

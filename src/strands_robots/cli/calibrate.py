"""`strands-robots calibrate`: hand over to LeRobot's own calibration of an arm."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from strands_robots.cli.cli_options import complain, say
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.names import FILE_NAME_RULE, is_file_name
from strands_robots.core.text import printable


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


def calibrate_command(robot: str, leader: str, port: str, arm: str) -> tuple[list[str], Path | None]:
    """Return LeRobot's command for an arm, and the file that it will write; None for a leader's.

    Raises:
        ConfigurationError: If an argument cannot be used; nothing was run then.
    """
    from strands_robots.description.robot_config import load_robot
    from strands_robots.drivers.arms import calibration_path
    from strands_robots.drivers.serial_ports import PortLock

    if bool(robot) == bool(leader):
        raise ConfigurationError("give either --robot or --leader; valid: exactly one of them")
    if not is_file_name(arm):
        raise ConfigurationError(f"arm '{printable(arm)}' given; valid: {FILE_NAME_RULE}")
    path = None
    if leader:
        if not is_file_name(leader):
            raise ConfigurationError(f"leader '{printable(leader)}' given; valid: LeRobot's name, as so101_leader")
        kind, group = leader, "teleop"
    else:
        config = load_robot(robot)
        if config.hardware is None:
            raise ConfigurationError(
                f"'{config.name}' is no robot of LeRobot; valid: one whose description has `hardware`"
            )
        kind, group, path = config.hardware.lerobot, "robot", calibration_path(config, "", arm)
    PortLock(port).release()
    script = [sys.executable, "-m", "lerobot.scripts.lerobot_calibrate"]
    return [*script, f"--{group}.type={kind}", f"--{group}.port={port}", f"--{group}.id={arm}"], path

"""LeRobot's command that calibrates an arm, of words that were checked."""

from __future__ import annotations

import sys
from pathlib import Path

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.names import FILE_NAME_RULE, is_file_name
from strands_robots.core.text import printable

LEADERS = ("so101_leader", "so100_leader", "koch_leader", "omx_leader")
"""Leader arms that LeRobot calibrates, as its --teleop.type names them."""


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

"""Drivers of arms by the robot's description: our own for its servos, or LeRobot's class."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable
from strands_robots.description.robot_config import RobotConfig
from strands_robots.drivers.calibration import default_path
from strands_robots.drivers.driver import Driver
from strands_robots.drivers.dynamixel import DynamixelDriver
from strands_robots.drivers.feetech import FeetechDriver
from strands_robots.drivers.lerobot_robot import LeRobotDriver, LeRobotOptions
from strands_robots.drivers.servo_driver import ServoOptions

ARM_KINDS = ("auto", "feetech", "dynamixel", "lerobot")
"""Drivers of arms; auto is the one that the robot's description names."""


def calibration_path(config: RobotConfig, calibration: str, arm: str) -> Path:
    """Return the calibration file of an arm.

    Args:
        config: The robot.
        calibration: LeRobot's file; empty for the one that LeRobot keeps for `arm`.
        arm: The arm's id, as given to lerobot-calibrate.

    Raises:
        ConfigurationError: If neither is given, or LeRobot's name of the robot is not known.
    """
    if calibration:
        return Path(calibration).expanduser()
    hardware = config.hardware
    if not arm or hardware is None:
        raise ConfigurationError(
            f"no calibration of '{config.name}' is named; valid: a file, or the arm's id for a robot with `hardware` in its description"
        )
    path = default_path(hardware.calibration or hardware.lerobot, arm)
    # Before 0.6, LeRobot kept them under the name of the type.
    older = default_path(hardware.lerobot, arm)
    return older if older.is_file() and not path.is_file() else path


def make_arm(config: RobotConfig, kind: str, port: str, calibration: str, arm: str, silence: float = 0.0) -> Driver:
    """Return the driver of an arm, not connected yet.

    Args:
        config: The robot.
        kind: One of ARM_KINDS.
        port: Serial port.
        calibration: LeRobot's file; empty for the one that LeRobot keeps for `arm`.
        arm: The arm's id, as given to lerobot-calibrate.
        silence: A drive that has not answered for this long is lost [s]; 0 takes the driver's own.
    """
    hardware = config.hardware
    if kind == "auto" and hardware is None:
        raise ConfigurationError(
            f"'{config.name}' does not say what drives it; valid: `hardware` in its description, or driver:={'|'.join(ARM_KINDS[1:])}"
        )
    chosen = hardware.driver if kind == "auto" and hardware is not None else kind
    path = calibration_path(config, calibration, arm)
    if chosen == "lerobot":
        if hardware is None:
            raise ConfigurationError(
                f"'{config.name}' does not say which robot of LeRobot it is; valid: hardware.lerobot"
            )
        lerobot = LeRobotOptions(hardware.lerobot, port, path)
        return LeRobotDriver(config, replace(lerobot, silence=silence or lerobot.silence))
    if chosen not in ARM_KINDS:
        raise ConfigurationError(f"driver '{printable(chosen)}' is not known; valid: {', '.join(ARM_KINDS)}")
    options = ServoOptions(port, path)
    options = replace(options, silence=silence or options.silence)
    return (DynamixelDriver if chosen == "dynamixel" else FeetechDriver)(config, options)

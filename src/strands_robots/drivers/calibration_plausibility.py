"""Whether a calibration can be one of a robot: its travels and their middles against the model's.

LeRobot's calibration reads the middle of the recorded travel as zero. A travel that was recorded on one side only moves that zero, and
with it every position, by half of what is missing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from strands_robots.description.lerobot_units import robot_codec
from strands_robots.description.robot_config import RobotConfig
from strands_robots.drivers.calibration import Calibration, load_calibration
from strands_robots.drivers.driver import DriverError
from strands_robots.drivers.servo_units import DEGREES_PER_STEP, WHOLE_TURN

TRAVEL = 0.25
"""Part of the model's travel by which a recorded one may differ: printed parts and servos' horns do, by up to a seventh."""

CENTRE = 0.7
"""How far the middle of a travel may be from where it is expected [rad]: a person sets the homing pose by eye."""

HOMING = 0.5 * sum(WHOLE_TURN)
"""What a servo reads in the homing pose, in the middle of its travel [steps]."""


def load_plausible(path: Path, config: RobotConfig) -> Calibration:
    """Read the calibration of a robot.

    Raises:
        DriverError: If the file cannot be read, or cannot be one of this robot.
    """
    calibration = load_calibration(path, tuple(config.joints))
    check_plausible(calibration.ranges, config, f"calibration '{path}'")
    return calibration


def check_plausible(
    ranges: Mapping[str, tuple[int, int]], config: RobotConfig, what: str, *, has_gripper: bool = True
) -> None:
    """Refuse a calibration that cannot be this robot's.

    Args:
        ranges: Lowest and highest position of each joint [steps].
        config: The robot.
        what: The calibration, in words, for the message.
        has_gripper: False leaves the gripper out: a leader's handle travels otherwise than the robot's jaws.

    Raises:
        DriverError: If a travel, or its middle, is too far off; the message has both numbers for every such joint.
    """
    problems = []
    for unit in robot_codec(config).units:
        low, high = ranges[unit.joint]
        is_gripper = unit.unit == "range_0_100"
        if is_gripper and not has_gripper:
            continue
        limits = config.joints[unit.joint]
        is_recorded = (low, high) != WHOLE_TURN
        travel, model = math.radians((high - low) * DEGREES_PER_STEP), limits.upper - limits.lower
        if is_recorded and abs(travel - model) > TRAVEL * model:
            problems.append(
                f"'{unit.joint}' travels {travel:.2f} rad, the model's joint {model:.2f} rad (valid: "
                f"{(1.0 - TRAVEL) * model:.2f} to {(1.0 + TRAVEL) * model:.2f})"
            )
        if is_gripper:
            continue  # The ends of its travel count, not the middle.
        centre = math.radians((0.5 * (low + high) - HOMING) * DEGREES_PER_STEP)
        if abs(centre) > CENTRE:
            problems.append(
                f"the middle of the travel of '{unit.joint}' is {centre:+.2f} rad from the homing pose (valid: up to {CENTRE:.2f})"
            )
        middle = 0.5 * (limits.lower + limits.upper)
        if is_recorded and abs(middle) > CENTRE:
            problems.append(
                f"the middle of the travel of '{unit.joint}' would be read as 0.00 rad, the model's is at {middle:.2f} rad (valid: "
                f"up to {CENTRE:.2f} apart)"
            )
    if problems:
        raise DriverError(
            f"{what} cannot be one of '{config.name}': {'; '.join(problems)}; valid: lerobot-calibrate once more, every joint moved "
            "from end to end, from a pose in the middle of all travels"
        )

"""Steps of a servo <-> joint positions, through LeRobot's numbers and the calibration of one arm. No I/O."""

from __future__ import annotations

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.description.lerobot_units import robot_codec
from strands_robots.description.robot_config import RobotConfig
from strands_robots.drivers.calibration import Calibration

DEGREES_PER_STEP = 360.0 / 4095.0
"""LeRobot's own number."""
WHOLE_TURN = (0, 4095)
"""Range of a joint whose travel was not recorded, as LeRobot writes it for the OMX."""


def servo_units(
    config: RobotConfig, calibration: Calibration, applies_drive_mode: bool
) -> tuple[FloatArray, FloatArray]:
    """Return scale (D,) [rad/step] and offset (D,) [rad] of each servo: joint position = scale * steps + offset.

    Args:
        config: The robot.
        calibration: Of the arm.
        applies_drive_mode: Whether LeRobot turns the gripper's percentages round for drive mode 1, as it does for Feetech.

    Source: lerobot/motors/motors_bus.py, `_normalize`.
    """
    size = len(config.joints)
    scale, offset = np.zeros(size), np.zeros(size)
    for i, unit in enumerate(robot_codec(config).units):
        joint = calibration.joints[unit.joint]
        if unit.unit == "range_0_100" and (joint.range_min, joint.range_max) == WHOLE_TURN:
            # Percent of a whole turn say nothing of a gripper; its angle does.
            scale[i] = 2.0 * np.pi / 4095.0
            offset[i] = -0.5 * sum(WHOLE_TURN) * scale[i]
            continue
        if unit.unit == "range_0_100":
            factor = 100.0 / (joint.range_max - joint.range_min)
            zero = -joint.range_min * factor
            if joint.drive_mode and applies_drive_mode:
                factor, zero = -factor, 100.0 - zero
        else:
            factor = DEGREES_PER_STEP
            zero = -0.5 * (joint.range_min + joint.range_max) * factor
        scale[i] = unit.scale * factor
        offset[i] = unit.scale * zero + unit.offset
    return scale, offset

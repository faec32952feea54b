"""Marked poses of one arm, beside its calibration: what was measured there then, and how far it is from that now.

Two numbers are compared for each joint. The position is the driver's, through the calibration. The shaft angle is what the servo's sensor
itself says, without homing offset: an arm that was calibrated anew reaches the marked position with its shaft somewhere else. A horn that
slipped on its shaft changes neither where the arm moves by itself; only a pose that is set by hand against something that stands shows it.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from strands_robots.core.errors import UnknownNameError
from strands_robots.core.text import printable
from strands_robots.description.robot_config import RobotConfig
from strands_robots.drivers.calibration import Calibration
from strands_robots.drivers.driver import DriverError
from strands_robots.drivers.servo_units import servo_units

VERSION = 1
STEPS_PER_TURN = 4096


@dataclass(frozen=True)
class Mark:
    """One marked pose.

    Attributes:
        marked: When, ISO 8601, UTC.
        calibration_sha256: Calibration that was in use.
        positions: Measured joint positions [rad].
        shafts: Angles of the servos' own sensors [deg]; empty for an arm whose servos are not known.
    """

    marked: str
    calibration_sha256: str
    positions: Mapping[str, float]
    shafts: Mapping[str, float]


@dataclass(frozen=True)
class JointDrift:
    """How far one joint is from a mark.

    Attributes:
        joint: Its name.
        position: Of the position, now less then [deg].
        shaft: Of the sensor, now less then [deg]; 0 where it is not known.
        is_fine: Neither is larger than the threshold.
    """

    joint: str
    position: float
    shaft: float
    is_fine: bool


def marks_path(calibration: Path) -> Path:
    """Return the file of an arm's marks."""
    return calibration.with_name(calibration.stem + ".marks.json")


def shaft_angles(config: RobotConfig, calibration: Calibration, positions: Mapping[str, float]) -> dict[str, float]:
    """Return what the servos' own sensors say at positions [rad], in degrees; empty where the servos are not known.

    Source: Feetech counts the homing offset down (lerobot/motors/feetech), Dynamixel up (lerobot/motors/dynamixel).
    """
    hardware = config.hardware
    if hardware is None or not hardware.servos:
        return {}
    is_feetech = all(servo.model.startswith("sts") for servo in hardware.servos.values())
    scale, offset = servo_units(config, calibration, is_feetech)
    angles = {}
    for i, name in enumerate(config.joints):
        homing = calibration.joints[name].homing_offset
        steps = (positions[name] - offset[i]) / scale[i] + (homing if is_feetech else -homing)
        angles[name] = float(steps % STEPS_PER_TURN) * 360.0 / STEPS_PER_TURN
    return angles


def make_mark(config: RobotConfig, calibration: Calibration, positions: Mapping[str, float]) -> Mark:
    """Return the mark of a pose [rad] that was just measured."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return Mark(now, calibration.sha256, dict(positions), shaft_angles(config, calibration, positions))


def compare(mark: Mark, now: Mark, threshold: float) -> list[JointDrift]:
    """Return how far each joint is from a mark, and whether that is at most `threshold` [deg]."""
    drifts = []
    for joint, before in mark.positions.items():
        position = math.degrees(now.positions[joint] - before)
        shaft = 0.0
        if joint in mark.shafts and joint in now.shafts:
            shaft = (now.shafts[joint] - mark.shafts[joint] + 180.0) % 360.0 - 180.0
        drifts.append(JointDrift(joint, position, shaft, max(abs(position), abs(shaft)) <= threshold))
    return drifts


def load_marks(calibration: Path, joints: Sequence[str]) -> dict[str, Mark]:
    """Return an arm's marks by name; none where there is no file yet.

    Raises:
        DriverError: If the file cannot be read, or is another robot's.
    """
    path = marks_path(calibration)
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        if given["version"] != VERSION:
            raise ValueError(f"version {given['version']}")
        marks = {
            name: Mark(
                str(entry["marked"]),
                str(entry["calibration_sha256"]),
                {joint: float(entry["positions"][joint]) for joint in joints},
                {joint: float(angle) for joint, angle in entry["shafts"].items()},
            )
            for name, entry in given["marks"].items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DriverError(
            f"marks '{path}' cannot be used ({type(error).__name__}: {printable(str(error))}); "
            f"valid: a file of version {VERSION} with positions of {', '.join(joints)}"
        ) from error
    numbers = [value for mark in marks.values() for value in (*mark.positions.values(), *mark.shafts.values())]
    if not np.isfinite(numbers).all():
        raise DriverError(f"marks '{path}' hold numbers that are not finite; valid: finite ones")
    return marks


def save_marks(calibration: Path, marks: Mapping[str, Mark]) -> Path:
    """Write an arm's marks whole or not at all, and return their file."""
    path = marks_path(calibration)
    text = json.dumps({"version": VERSION, "marks": {name: asdict(mark) for name, mark in marks.items()}}, indent=2)
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(text + "\n", encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        raise DriverError(f"marks '{path}' cannot be written ({error.strerror}); valid: a folder with room") from error
    return path


def find_mark(marks: Mapping[str, Mark], name: str) -> Mark:
    """Return a mark.

    Raises:
        UnknownNameError: If there is none of that name.
    """
    if name not in marks:
        raise UnknownNameError("mark", name, marks)
    return marks[name]

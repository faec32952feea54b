"""LeRobot's calibration file of one arm: read, checked, and named by hash and age."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from strands_robots.drivers.driver import DriverError

_KEYS = ("id", "drive_mode", "homing_offset", "range_min", "range_max")


@dataclass(frozen=True)
class JointCalibration:
    """One servo: its number, direction, homing offset and range [steps]; names as in LeRobot's file."""

    id: int
    drive_mode: int
    homing_offset: int
    range_min: int
    range_max: int


@dataclass(frozen=True)
class Calibration:
    """The calibration of one arm.

    Attributes:
        path: Its file.
        sha256: Hash of the file.
        written: When it was written [s since 1970].
        joints: By joint name, in the robot's order.
    """

    path: Path
    sha256: str
    written: float
    joints: dict[str, JointCalibration]

    @property
    def ranges(self) -> dict[str, tuple[int, int]]:
        """Lowest and highest position of each joint [steps]."""
        return {name: (joint.range_min, joint.range_max) for name, joint in self.joints.items()}

    @property
    def age_days(self) -> float:
        """Days since it was written."""
        return (time.time() - self.written) / 86400.0


def default_path(kind: str, arm: str) -> Path:
    """Return where LeRobot keeps the calibration of an arm.

    Args:
        kind: Folder of the robot class, its `name`: "so_follower" for SO-100 and SO-101.
        arm: The arm's id, as given to lerobot-calibrate.

    Source: lerobot/utils/constants.py, lerobot/robots/robot.py.
    """
    home = os.environ.get("HF_LEROBOT_CALIBRATION", "")
    if not home:
        cache = os.environ.get("HF_HOME", "") or "~/.cache/huggingface"
        home = str(Path(os.environ.get("HF_LEROBOT_HOME", "") or f"{cache}/lerobot") / "calibration")
    return Path(home).expanduser() / "robots" / kind / f"{arm}.json"


def load_calibration(path: Path, joints: Sequence[str]) -> Calibration:
    """Read a calibration.

    Args:
        path: LeRobot's file.
        joints: The robot's joints; the file must have exactly these.

    Raises:
        DriverError: If it is missing, cannot be read or is another robot's.
    """
    try:
        data = path.read_bytes()
        written = path.stat().st_mtime
    except OSError as error:
        raise DriverError(
            f"calibration '{path}' cannot be read ({error.strerror}); valid: the file that lerobot-calibrate wrote for this arm"
        ) from error
    try:
        given = json.loads(data)
        made = {name: JointCalibration(**{key: int(given[name][key]) for key in _KEYS}) for name in joints}
    except (ValueError, KeyError, TypeError) as error:
        raise DriverError(
            f"calibration '{path}' is not one of this robot ({type(error).__name__}: {error}); "
            f"valid: {', '.join(_KEYS)} for each of {', '.join(joints)}"
        ) from error
    extra = sorted(set(given) - set(joints))
    if extra:
        raise DriverError(f"calibration '{path}' has joints {', '.join(extra)}; valid: {', '.join(joints)}")
    for name, joint in made.items():
        if not 0 <= joint.range_min < joint.range_max <= 4095:
            raise DriverError(
                f"calibration '{path}': {name} has range {joint.range_min} to {joint.range_max}; valid: within 0 to 4095"
            )
    return Calibration(path, hashlib.sha256(data).hexdigest(), written, made)

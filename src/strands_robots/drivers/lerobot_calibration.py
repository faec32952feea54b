"""LeRobot's own calibration of an arm, step by step: its command, what it prints, and whether that can be one of the robot. No I/O.

LeRobot asks for the arm in the middle of its travel, then prints a table of lowest, present and highest steps again and again until
Enter, then writes the servos' memories and its file.

Source: lerobot/robots/so_follower/so_follower.py, `calibrate`; lerobot/motors/motors_bus.py, `record_ranges_of_motion`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from strands_robots.description.lerobot_units import robot_codec
from strands_robots.description.robot_config import RobotConfig
from strands_robots.drivers.calibration_plausibility import CENTRE, HOMING, TRAVEL, check_plausible
from strands_robots.drivers.driver import DriverError
from strands_robots.drivers.servo_units import DEGREES_PER_STEP, WHOLE_TURN

LARGEST_JUMP = 1024
"""A joint that turns so far between two readings [steps] went faster than can be followed, or past the end of its servo's turn."""

LONGEST_TAIL = 4096

_ROW = re.compile(r"^(\w+) +\| +(-?\d+) \| +(-?\d+) \| +(-?\d+)\s*$")
_CURSOR = re.compile(r"\x1b\[\d*[A-Za-z]")


class CalibrationStep(Enum):
    """What LeRobot waits for, or does."""

    STARTING = "starting"
    FILE = "file"
    MIDDLE = "middle"
    RANGES = "ranges"
    SAVED = "saved"


_PROMPTS = (
    ("Press ENTER to use provided calibration file", CalibrationStep.FILE),
    ("to the middle of its range of motion and press ENTER", CalibrationStep.MIDDLE),
)
_SAVED = "Calibration saved to "


@dataclass
class Travel:
    """The travel of one joint so far [steps]; `jump` is the largest change between two readings."""

    low: int
    position: int
    high: int
    jump: int = 0


@dataclass(frozen=True)
class JointVerdict:
    """What the travel of a joint says.

    Attributes:
        joint: Its name.
        low, position, high: From the homing pose [rad].
        model: Travel of the model's joint [rad]; None for one that the model has not, or that is not judged.
        state: "short" (go on), "whole" or "impossible".
        words: What is wrong, and what is valid.
    """

    joint: str
    low: float
    position: float
    high: float
    model: float | None
    state: str
    words: str = ""


@dataclass
class CalibrationReading:
    """What LeRobot has printed.

    Attributes:
        step: What it waits for.
        travels: By joint.
        lines: Other lines, the newest last.
    """

    step: CalibrationStep = CalibrationStep.STARTING
    travels: dict[str, Travel] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    _tail: str = ""

    def feed(self, text: str) -> None:
        """Take the next part of the output, cut anywhere."""
        *lines, tail = _CURSOR.sub("", self._tail + text).split("\n")
        for line in lines:
            self._take(line.rstrip())
        self._tail = tail[-LONGEST_TAIL:]
        for words, step in _PROMPTS:  # A prompt has no end of line.
            if words in self._tail:
                self.step = step

    def answered(self) -> None:
        """Take that the prompt was answered: it is not waited for any more."""
        self._tail = ""
        self.step = CalibrationStep.STARTING

    def _take(self, line: str) -> None:
        row = _ROW.match(line)
        if row is not None:
            name, low, position, high = row[1], int(row[2]), int(row[3]), int(row[4])
            before = self.travels.get(name)
            jump = 0 if before is None else max(before.jump, abs(position - before.position))
            self.travels[name] = Travel(low, position, high, jump)
            self.step = CalibrationStep.RANGES
        elif _SAVED in line:
            self.step = CalibrationStep.SAVED
            self._keep(line)
        elif line and not line.startswith(("NAME ", "---")):
            self._keep(line)

    def _keep(self, line: str) -> None:
        self.lines = [*self.lines, line[:400]][-20:]


def judged(travels: Mapping[str, Travel], config: RobotConfig, has_gripper: bool) -> list[JointVerdict]:
    """Return what each joint's travel says so far.

    A travel is impossible when no further motion can mend it: it is too long, so far to one side that its middle can only be wrong, or
    the servo was turned past the end of its turn.

    Args:
        travels: By joint.
        config: The robot, or the one that a leader is the twin of.
        has_gripper: False leaves the gripper out, as `check_plausible` does.
    """
    return [_joint(name, travel, config, has_gripper) for name, travel in travels.items()]


def _joint(name: str, travel: Travel, config: RobotConfig, has_gripper: bool) -> JointVerdict:
    low, position, high = (
        math.radians((steps - HOMING) * DEGREES_PER_STEP) for steps in (travel.low, travel.position, travel.high)
    )
    if travel.jump >= LARGEST_JUMP:
        words = (
            f"turned by {math.radians(travel.jump * DEGREES_PER_STEP):.2f} rad between two readings: faster than can be read, or past the "
            "end of its servo's turn; valid: once more, slowly, from the middle of all travels"
        )
        return JointVerdict(name, low, position, high, None, "impossible", words)
    units = {unit.joint: unit.unit for unit in robot_codec(config).units}
    is_gripper = units.get(name) == "range_0_100"
    if name not in config.joints or (is_gripper and not has_gripper):
        return JointVerdict(name, low, position, high, None, "whole" if high > low else "short")
    limits = config.joints[name]
    model = limits.upper - limits.lower
    longest = (1.0 + TRAVEL) * model
    words = ""
    if high - low > longest:
        words = f"travels {high - low:.2f} rad, the model's joint {model:.2f} rad; valid: up to {longest:.2f} rad"
    elif not is_gripper and (low + 0.5 * longest < -CENTRE or high - 0.5 * longest > CENTRE):
        words = (
            f"was at {low if low + high < 0 else high:+.2f} rad from the homing pose, so that the middle of its travel is more than "
            f"{CENTRE:.2f} rad away; valid: once more, from the middle of all travels"
        )
    state = "impossible" if words else "short" if high - low < (1.0 - TRAVEL) * model else "whole"
    return JointVerdict(name, low, position, high, model, state, words)


def check_travels(travels: Mapping[str, Travel], config: RobotConfig, has_gripper: bool) -> None:
    """Refuse travels of which LeRobot would make a calibration that cannot be the robot's.

    Raises:
        DriverError: If a joint is missing, was turned too fast, or its travel or its middle is too far off.
    """
    problems = [f"'{one.joint}' {one.words}" for one in judged(travels, config, has_gripper) if one.words]
    if problems:
        raise DriverError("; ".join(problems))
    still = [name for name, travel in travels.items() if travel.low == travel.high]
    if still or not travels:
        raise DriverError(f"{', '.join(still) or 'no joint'} was not moved; valid: every joint moved from end to end")
    # LeRobot takes a whole turn for a joint that it does not ask for.
    ranges = dict.fromkeys(config.joints, WHOLE_TURN)
    ranges.update({name: (travel.low, travel.high) for name, travel in travels.items() if name in ranges})
    check_plausible(ranges, config, "what was recorded", has_gripper=has_gripper)

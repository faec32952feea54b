"""What a leader says at one instant, and the checks that it passes before anything is done with it. No I/O."""

from __future__ import annotations

import enum
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from strands_robots.core.errors import ConfigurationError, StrandsRobotsError
from strands_robots.core.text import printable
from strands_robots.core.types import JointLimits

Vector = tuple[float, float, float]
STILL: Vector = (0.0, 0.0, 0.0)

BEYOND = 0.5
"""A leader's joint may be this far outside the robot's limits [rad] or [m]; there it is clamped. Farther is a wrong calibration."""

JUMP = 0.1
"""Two successive positions of a leader's joint may differ by this [rad] or [m] ..."""

JUMP_SPEED = 10.0
"""... and by what this speed makes of the time between them [rad/s] or [m/s]: a hand is slower, a lost bit is not ..."""

JUMP_TIME = 0.05
"""... of which no more than this counts [s]: a leader that stays somewhere else is let go and engaged again."""


class TeleopMode(enum.IntEnum):
    """How a leader moves the robot; numbers as in msg/TeleopState."""

    JOINTS = 0
    TOOL = 1
    FOLLOW = 2


class BadInput(str, enum.Enum):
    """Why a frame is not used."""

    NOT_FINITE = "not_finite"
    UNKNOWN_JOINT = "unknown_joint"
    OUT_OF_RANGE = "out_of_range"
    JUMP = "jump"
    TIME = "time"
    UNREADABLE = "unreadable"


class BadFrameError(StrandsRobotsError):
    """A frame is not used; `reason` is one of BadInput."""

    def __init__(self, reason: BadInput, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class InputFrame:
    """What a leader says at one instant.

    Attributes:
        stamp: When it was read [s, steady time].
        mode: FOLLOW: `positions` are followed. JOINTS: `rates` turn joints. TOOL: `linear` and `angular` move the tool.
        is_held: The dead-man switch is held; for leaders that have one.
        positions: Positions by joint [rad] or [m].
        rates: By joint, -1 to 1 of the speed.
        linear, angular: Of the tool, each -1 to 1 of the speed, along and about x, y, z.
        gripper: -1 closes, 1 opens, of the speed; with TOOL and JOINTS.
    """

    stamp: float
    mode: TeleopMode
    is_held: bool = False
    positions: Mapping[str, float] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)
    linear: Vector = STILL
    angular: Vector = STILL
    gripper: float = 0.0

    @property
    def is_still(self) -> bool:
        """True when nothing is asked to move; a leader that is followed never is."""
        return self.mode is not TeleopMode.FOLLOW and not any(
            (*self.rates.values(), *self.linear, *self.angular, self.gripper)
        )


class FrameCheck:
    """Decides which frames may be used, and counts the others by reason. Belongs to one thread at a time.

    Args:
        limits: The robot's joints.
        max_age: Oldest usable frame [s].

    Attributes:
        good: Frames that were used.
        bad: Frames that were not, by reason.
    """

    def __init__(self, limits: JointLimits, max_age: float) -> None:
        if not max_age > 0.0:
            raise ConfigurationError(f"max_age is {max_age} s; valid: above 0")
        self.good = 0
        self.bad: Counter[BadInput] = Counter()
        self._limits = limits
        self._max_age = max_age
        self._last: InputFrame | None = None

    def restart(self) -> None:
        """Forget the last frame: the next one may be anywhere."""
        self._last = None

    def check(self, frame: InputFrame, now: float) -> None:
        """Take a frame.

        Args:
            frame: As the leader gave it.
            now: Present [s, steady time].

        Raises:
            BadFrameError: If it must not be used; it is counted.
        """
        try:
            self._check_numbers(frame)
            self._check_joints(frame)
            self._check_time(frame, now)
            self._check_jump(frame)
        except BadFrameError as error:
            self.bad[error.reason] += 1
            raise
        self.good += 1
        self._last = frame

    def count(self, reason: BadInput) -> None:
        """Count a frame that could not even be read."""
        self.bad[reason] += 1

    def _check_numbers(self, frame: InputFrame) -> None:
        named = {**frame.positions, **frame.rates}
        named |= {
            f"{name} {axis}": value
            for name in ("linear", "angular")
            for axis, value in zip("xyz", getattr(frame, name))
        }
        named |= {"gripper rate": frame.gripper, "stamp": frame.stamp}
        for name, value in named.items():
            if not math.isfinite(value):
                raise BadFrameError(BadInput.NOT_FINITE, f"'{printable(name)}' is {value}; valid: finite numbers")
        for name, value in (
            *frame.rates.items(),
            *zip("xyz", frame.linear),
            *zip("xyz", frame.angular),
            ("gripper", frame.gripper),
        ):
            if abs(value) > 1.0 + 1e-6:
                raise BadFrameError(
                    BadInput.OUT_OF_RANGE, f"rate of '{printable(name)}' is {value:.3f}; valid: -1 to 1"
                )

    def _check_joints(self, frame: InputFrame) -> None:
        limits = self._limits
        for name in (*frame.positions, *frame.rates):
            if name not in limits.index:
                raise BadFrameError(
                    BadInput.UNKNOWN_JOINT, f"unknown joint '{printable(name)}'; valid: {', '.join(limits.names)}"
                )
        if frame.mode is TeleopMode.FOLLOW and not frame.positions:
            raise BadFrameError(BadInput.UNKNOWN_JOINT, f"no joint is given; valid: {', '.join(limits.names)}")
        for name, value in frame.positions.items():
            low, high = (float(bound[limits.index[name]]) for bound in (limits.lower, limits.upper))
            if not low - BEYOND <= value <= high + BEYOND:
                raise BadFrameError(
                    BadInput.OUT_OF_RANGE,
                    f"'{name}' of the leader is at {value:.3f}; valid: {low:.3f} to {high:.3f} (is it calibrated?)",
                )

    def _check_time(self, frame: InputFrame, now: float) -> None:
        age = now - frame.stamp
        if not -1e-3 <= age <= self._max_age:
            raise BadFrameError(BadInput.TIME, f"the frame is {age:.3f} s old; valid: 0 to {self._max_age:g} s")
        if self._last is not None and frame.stamp < self._last.stamp:
            raise BadFrameError(
                BadInput.TIME, f"the frame is {self._last.stamp - frame.stamp:.3f} s older than the last one"
            )

    def _check_jump(self, frame: InputFrame) -> None:
        last = self._last
        if last is None:
            return
        most = JUMP + JUMP_SPEED * min(frame.stamp - last.stamp, JUMP_TIME)
        for name, value in frame.positions.items():
            step = abs(value - last.positions.get(name, value))
            if step > most:
                raise BadFrameError(
                    BadInput.JUMP,
                    f"'{name}' of the leader jumped by {step:.3f}; valid: up to {most:.3f} between two frames",
                )

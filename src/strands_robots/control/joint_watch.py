"""Supervision of joints: do they follow their set-point, and are they within their limits?

Each watch first asks in plain Python whether all is well, as it nearly always is: for the few joints of a robot that takes a fraction of
what as many numpy calls do. Only what is not well is looked at with numpy, in arrays made beforehand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strands_robots.control.alarm import Alarm, AlarmKind
from strands_robots.core.arrays import FloatArray
from strands_robots.core.types import JointLimits
from strands_robots.description.per_joint import per_joint

if TYPE_CHECKING:  # Nodes that only read messages of a gate start without pydantic.
    from strands_robots.description.supervision_config import JointLimitConfig, TrackingConfig


class Persistence:
    """How long each of some values has been over its limit without a break.

    Args:
        limits: Limits (D,); infinite where there is none.
        duration: Time over the limit that is too long [s].
    """

    def __init__(self, limits: FloatArray, duration: float) -> None:
        self.limits = limits
        self.duration = duration
        self._is_over = np.zeros(len(limits), dtype=bool)
        self._time: FloatArray = np.zeros(len(limits))
        self.is_quiet = True
        """True while nothing was over its limit at the last update."""

    def restart(self) -> None:
        """Forget how long it has been."""
        self._time[:] = 0.0
        self.is_quiet = True

    def update(self, values: FloatArray, dt: float) -> int | None:
        """Take values (D,) that hold since `dt` [s]; return which one has been over its limit for too long, or None."""
        np.greater(values, self.limits, out=self._is_over)
        if not self._is_over.any():
            if not self.is_quiet:
                self.restart()
            return None
        self.is_quiet = False
        self._time += dt
        self._time *= self._is_over
        worst = int(self._time.argmax())
        return worst if self._time[worst] >= self.duration else None


class TrackingWatch:
    """Stops a robot whose joints do not follow: something holds them, a drive is weak, or an encoder lies.

    Attributes:
        watched: Which joints are watched (D,), bool; the others, as of a gripper that holds something, need not follow.
    """

    def __init__(self, config: TrackingConfig, limits: JointLimits) -> None:
        self._names = limits.names
        self._persistence = Persistence(per_joint(config.error, limits.names), config.time)
        self._error: FloatArray = np.zeros(len(limits))
        self._allowed: list[float] = self._persistence.limits.tolist()
        self.watched = np.isfinite(self._persistence.limits)

    def restart(self) -> None:
        """Begin anew, because the robot was armed or put somewhere else."""
        self._persistence.restart()

    def check(self, target: FloatArray, position: FloatArray, dt: float) -> Alarm | None:
        """Compare the set-point of the last tick with what is measured now, (D,) [rad] or [m]; `dt` [s] later."""
        if self._persistence.is_quiet:
            for aim, actual, allowed in zip(target.tolist(), position.tolist(), self._allowed, strict=True):
                if not -allowed <= aim - actual <= allowed:
                    break
            else:
                return None
        return self._check_each(target, position, dt)

    def _check_each(self, target: FloatArray, position: FloatArray, dt: float) -> Alarm | None:
        error = self._error
        np.subtract(target, position, out=error)
        np.abs(error, out=error)
        joint = self._persistence.update(error, dt)
        if joint is None:
            return None
        allowed = self._persistence
        return Alarm(
            AlarmKind.TRACKING,
            f"'{self._names[joint]}' is {error[joint]:.3f} from its set-point for {allowed.duration:.2f} s; "
            f"valid: up to {allowed.limits[joint]:.3f}",
        )


class JointLimitWatch:
    """Stops a robot whose measured joints leave their range. One that is outside when it is armed may come back, but go no further."""

    def __init__(self, config: JointLimitConfig, limits: JointLimits) -> None:
        size = len(limits)
        self._limits = limits
        self._margin = per_joint(config.margin, limits.names)
        self._over: FloatArray = np.zeros(size)
        self._below: FloatArray = np.zeros(size)
        self._least: FloatArray = np.full(size, np.inf)
        self._ranges: list[tuple[float, float]] = [
            (float(lower), float(upper))
            for lower, upper in zip(limits.lower - self._margin, limits.upper + self._margin, strict=True)
        ]
        self._has_been_inside = False

    def restart(self) -> None:
        """Begin anew: where the joints are at the next check is where they may come back from."""
        self._least[:] = np.inf
        self._has_been_inside = False

    def check(self, position: FloatArray) -> Alarm | None:
        """Judge measured positions (D,) [rad] or [m]."""
        if self._has_been_inside:
            for value, (lowest, highest) in zip(position.tolist(), self._ranges, strict=True):
                if not lowest <= value <= highest:
                    break
            else:
                return None
        return self._check_each(position)

    def _check_each(self, position: FloatArray) -> Alarm | None:
        over, below, limits = self._over, self._below, self._limits
        np.subtract(position, limits.upper, out=over)
        np.subtract(limits.lower, position, out=below)
        np.maximum(over, below, out=over)
        np.maximum(over, 0.0, out=over)
        np.minimum(self._least, over, out=self._least)
        self._has_been_inside = not self._least.any()
        np.subtract(over, self._least, out=below)
        np.subtract(below, self._margin, out=below)
        joint = int(below.argmax())
        if below[joint] <= 0.0:
            return None
        return Alarm(
            AlarmKind.JOINT_LIMIT,
            f"'{limits.names[joint]}' is at {position[joint]:.3f}; valid: {limits.lower[joint]:.3f} to "
            f"{limits.upper[joint]:.3f} and {self._margin[joint]:.3f} beyond",
        )

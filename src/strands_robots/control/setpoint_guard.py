"""How far a set-point may be from where the joints are measured. No I/O.

A joint that follows is behind its set-point by a bounded way. More than that means that the drives did not act on what they were told:
they were without torque, their controller was inactive, another program moved them, or the link or a clock had a gap. A drive that
begins to act on such a set-point goes the whole way at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from strands_robots.control.alarm import Alarm, AlarmKind
from strands_robots.core.arrays import FloatArray
from strands_robots.core.types import JointLimits

LAG = 0.1
"""A moving joint may be behind its set-point by what it moves in this time at its velocity limit [s], besides its tolerance."""

SILENCE = 0.2
"""A source that said nothing for this long to a robot at rest begins a new motion [s]."""


class SetpointGuard:
    """Compares set-points with measured positions in every control tick.

    Args:
        limits: The robot's joint limits.
        tolerance: How far each joint may be from its set-point (D,) [rad] or [m]; infinite for one that need not follow, as of a
            gripper that holds something.
        sag_time: Gravity and friction hold a joint at rest away from its set-point, by less than it moves in this time [s].

    Attributes:
        reach: A set-point is never sent further from the measured position than this (D,) [rad] or [m].
        sag: A new motion starts at the measured position of each joint that is further than this from a set-point at rest (D,).
    """

    def __init__(self, limits: JointLimits, tolerance: FloatArray, sag_time: float) -> None:
        self._names = limits.names
        self.reach: FloatArray = tolerance + LAG * limits.velocity
        self.sag: FloatArray = np.where(
            np.isfinite(tolerance), np.minimum(tolerance, sag_time * limits.velocity), np.inf
        )
        self._reach: list[float] = self.reach.tolist()
        self._must_follow = np.isfinite(tolerance)
        self._is_start = False
        self._last_command = -np.inf
        self._was_interrupted = np.zeros(len(limits), dtype=bool)

    def begin(self) -> None:
        """An arming, or a motion, begins with the next tick."""
        self._is_start = True

    def on_command(self, now: float, is_new_source: bool, is_at_rest: bool) -> None:
        """Take a command at `now` [s] to a robot whose set-point is at rest or not: it may be where a motion begins.

        A stream without a pause goes on pressing against what it meets.
        """
        self._is_start |= is_at_rest and (is_new_source or now - self._last_command > SILENCE)
        self._last_command = now

    def interrupt(self) -> None:
        """From here on it is not known what the drives did; a gripper is taken to hold what it holds."""
        self._was_interrupted |= self._must_follow

    def detach(self, joints: NDArray[np.bool_]) -> None:
        """The drives of some joints (D,) do not act on set-points; what is known of the others is as little as after an interruption."""
        self._was_interrupted |= self._must_follow | joints

    def restart(self) -> None:
        """The set-point is where the joints are."""
        self._is_start = False
        self._was_interrupted[:] = False

    def take_start(self, target: FloatArray, position: FloatArray) -> NDArray[np.bool_] | None:
        """Return which joints (D,) must start where they are measured in this tick; None for none of them.

        All after an interruption; else those that are further from a set-point at rest than gravity and friction explain.
        """
        if not self._is_start:
            return None
        joints: NDArray[np.bool_] = (np.abs(target - position) > self.sag) | self._was_interrupted
        self.restart()
        return joints if joints.any() else None

    def check(self, target: FloatArray, position: FloatArray) -> Alarm | None:
        """Return an alarm when a set-point (D,) must not be sent to joints that are measured at `position` (D,)."""
        for aim, actual, reach in zip(target.tolist(), position.tolist(), self._reach, strict=True):
            if not -reach <= aim - actual <= reach:
                break
        else:
            return None
        joint = int(np.argmax(np.abs(target - position) - self.reach))
        return Alarm(
            AlarmKind.TRACKING,
            f"the set-point of '{self._names[joint]}' would be {abs(target[joint] - position[joint]):.3f} from where the joint is; valid: "
            f"up to {self.reach[joint]:.3f}",
        )

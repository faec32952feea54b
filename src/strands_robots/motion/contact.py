"""When a moving joint meets something: an obstacle for an arm, an object for a gripper. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.motion.motion_reason import MotionReason

FOLLOWING_TIME = 0.15
"""An arm's joint that is behind its set-point by more than it could move in this time [s] has met something ..."""

FOLLOWING_DELAY = 0.2
"""... when it stays so for this long [s]."""

GRIP_DELAY = 0.12
"""A gripper's joint that stands still before its target for this long [s] has met something."""

_STILL = 0.03  # of the velocity limit
_GRIP_LAG = 0.02  # of the joint's range


@dataclass
class ContactMonitor:
    """Watches the joints of a motion.

    Attributes:
        lag: Distance (D',) from the set-point that tells of contact [rad] or [m].
        still: Speed (D',) below which a joint stands still [rad/s] or [m/s]; infinite where it does not matter.
        delay: How long it must last [s].
        reason: How a motion ends that meets something.
        max_effort: Effort at which a joint that stands still has met something, and with which it then holds [Nm] or
            [N]; 0 for none.
        retreats: After contact the set-point goes back to where the joints are.
        target: Where the joints shall end (D',) [rad] or [m]: only what is in the way there counts. None: anything.
    """

    lag: FloatArray
    still: FloatArray
    delay: float
    reason: MotionReason
    max_effort: float = 0.0
    retreats: bool = False
    target: FloatArray | None = None
    _since: float | None = field(default=None, repr=False)

    def check(
        self,
        stamp: float,
        setpoint: FloatArray,
        position: FloatArray,
        velocity: FloatArray,
        effort: FloatArray,
        planned: FloatArray,
    ) -> int | None:
        """Return which joint (index in D') has met something, or None.

        Args:
            stamp: ROS time of the measurement [s].
            setpoint: What the gate let through last (D',) [rad] or [m].
            position, velocity, effort: Measured (D',).
            planned: Where the path has the joints at `stamp` (D',) [rad] or [m].
        """
        is_slow = np.abs(velocity) < self.still
        touching = is_slow & (np.abs(setpoint - position) > self.lag)
        if self.max_effort > 0.0:
            touching |= is_slow & (np.abs(effort) >= self.max_effort)
        if self.target is not None:
            touching &= (setpoint - position) * (self.target - position) > 0.0
        if not touching.any():
            self._since = None
            return None
        if self._since is None or stamp < self._since:
            self._since = stamp
        return int(np.argmax(touching)) if stamp - self._since >= self.delay else None

    def describe(self, name: str, position: float, lag: float, effort: float) -> str:
        """Return in words what `check` found.

        Args:
            name: The joint.
            position: Where it is [rad] or [m].
            lag: Distance to its set-point [rad] or [m].
            effort: Measured effort [Nm] or [N].
        """
        return f"'{name}' met something at {position:.4f}, its set-point {lag:+.4f} from there, its effort {effort:.3f}"


def arm_contact(velocity_limits: FloatArray) -> ContactMonitor:
    """Return the watch of an arm, which gives way to what it meets.

    Args:
        velocity_limits: (D',) [rad/s] or [m/s].
    """
    never = np.full(len(velocity_limits), np.inf)
    return ContactMonitor(FOLLOWING_TIME * velocity_limits, never, FOLLOWING_DELAY, MotionReason.BLOCKED, retreats=True)


def grip_contact(
    velocity_limits: FloatArray, ranges: FloatArray, target: FloatArray, tolerance: float, max_effort: float
) -> ContactMonitor:
    """Return the watch of a gripper, which holds what it meets.

    Args:
        velocity_limits: (D',) [rad/s] or [m/s].
        ranges: Way between open and closed (D',) [rad] or [m].
        target: Where it shall end (D',) [rad] or [m].
        tolerance: Distance from the target that counts as there [rad] or [m].
        max_effort: Effort to hold with [Nm] or [N]; 0 for the robot's own.
    """
    lag = np.maximum(_GRIP_LAG * ranges, 1.5 * tolerance)
    return ContactMonitor(lag, _STILL * velocity_limits, GRIP_DELAY, MotionReason.STALLED, max_effort, target=target)

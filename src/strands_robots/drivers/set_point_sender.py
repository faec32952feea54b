"""What one controller of a robot behind ros2_control is sent, and how long it gets for it. No I/O.

States that stop may mean a controller that stopped with them: a controller_manager that hangs takes what waits for it when it goes on,
and its arm is where it hung. So a set-point must not ask for the way of all that time at once.

Source: ros-controls/ros2_controllers, branch jazzy, joint_trajectory_controller.cpp (`topic_callback`: a new trajectory replaces the one
that runs), forward_controllers_base.cpp (`update`: the newest command is the next position).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.drivers.controllers import TRAJECTORY, Output

AGED = 0.2
"""States older than this part of `stale` are missing ones."""

SLOWER = 3.0
"""A point that is sent while states are missing gets more time, by up to this many times as long as they are missing ..."""

RAMP = 0.1
"""... which is reached after this time [s], so that an arm that follows all the while is slowed down and not cut off."""

EASE = 0.25
"""Points get less time again by this much a second. The arm catches up with a motion at 1 / (1 - EASE) times its speed."""


class SetPointSender:
    """Sends the set-points of one output when they are new.

    While states are missing, a trajectory controller gets more and more time for a point, and less again slowly afterwards. A
    forward_command_controller has no time in its messages: it is sent nothing, and then what a trajectory controller would make of it.

    Args:
        output: The controller and its joints.
        lead: Time that a trajectory controller gets for a point [s].
        stale: States that are older stop the robot [s].
        send: Takes positions in the controller's order, and the time to reach them in [s].

    Attributes:
        indices: Places of its joints.
        is_silent: True while its controller is not active: nothing is sent, and the next target after it is a new one.
    """

    def __init__(self, output: Output, lead: float, stale: float, send: Callable[[FloatArray, float], None]) -> None:
        self.indices = np.array(output.indices)
        self.is_silent = False
        self._is_trajectory = output.controller.kind == TRAJECTORY
        self._lead, self._aged, self._send = lead, AGED * stale, send
        self._sent: FloatArray = np.full(len(output.indices), np.nan)
        self._fresh: FloatArray = np.zeros(len(output.indices))
        self._is_same = np.zeros(len(output.indices), dtype=bool)
        self._within = lead
        self._asked_at = -np.inf
        self._is_withheld = False
        self._catches_up = False

    def forget(self) -> None:
        """Take the next target for a new one, which is sent whole."""
        self._sent.fill(np.nan)
        self._is_withheld = self._catches_up = False

    def send(self, target: FloatArray, position: FloatArray, age: float, now: float) -> bool:
        """Send a target if it is new; return whether something was sent.

        Args:
            target: Set-points of all joints (D,) [rad] or [m].
            position: What was measured last (D,).
            age: How old that is [s].
            now: The present [s, steady time].
        """
        if self.is_silent:
            self.forget()
            return False
        np.take(target, self.indices, out=self._fresh)
        np.equal(self._fresh, self._sent, out=self._is_same)
        if self._is_same.all():
            self._is_withheld = self._catches_up = False
            return False
        missing = max(age - self._aged, 0.0)
        passed, self._asked_at = now - self._asked_at, now
        self._within = max(self._lead + SLOWER * missing * min(missing / RAMP, 1.0), self._within - EASE * passed)
        if not self._is_trajectory:
            self._is_withheld |= missing > 0.0
            if missing > 0.0:
                return False
            self._approach(position, min(passed, self._aged))
        self._sent[:] = self._fresh
        self._send(self._fresh, self._within)
        return True

    def _approach(self, position: FloatArray, passed: float) -> None:
        """After targets were withheld, go from where the joints are to the fresh target as a trajectory controller would."""
        if self._is_withheld:
            self._is_withheld, self._catches_up = False, True
            np.take(position, self.indices, out=self._sent)
        if not self._catches_up:
            return
        part = passed / self._within
        self._catches_up = part < 1.0
        if self._catches_up:
            self._fresh -= self._sent
            self._fresh *= part
            self._fresh += self._sent

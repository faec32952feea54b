"""A page's held buttons as a leader of teleoperation: what moves, and for how long a beat counts. No ROS."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from strands_robots.core.errors import StrandsRobotsError
from strands_robots.core.text import printable
from strands_robots.teleop.frame import InputFrame, TeleopMode

HOLD_TIME = 0.15
"""A button counts as held for this long after each beat of the page [s]; the page beats every 50 ms."""

AXES = ("x", "y", "z")


class BadMotionError(StrandsRobotsError):
    """A beat says no motion that this robot has; says which it has."""


class PageLeader:
    """One page that moves one robot.

    A press that paused is over: beats that waited in a frozen browser, or on a slow line, do not move the robot when they come at last.

    Args:
        joints: The robot's joints.
        now: Steady time [s].
    """

    name = "console"
    has_dead_man = True

    def __init__(self, joints: Collection[str], now: Callable[[], float] = time.monotonic) -> None:
        self._joints, self._now = frozenset(joints), now
        self._lock = threading.Lock()
        self._frame = InputFrame(now(), TeleopMode.JOINTS)
        self._press, self._until = "", -math.inf
        self._over: set[str] = set()

    def connect(self) -> None:
        """Do nothing: beats come by `hold`."""

    def close(self) -> None:
        """Let go."""
        self.release()

    def release(self) -> None:
        """Let go of the button; its press is over."""
        with self._lock:
            self._end()

    def hold(self, press: str, motion: Mapping[str, Any]) -> None:
        """Take one beat of a button that is held.

        Args:
            press: Names the press; the same for all its beats.
            motion: {"joint": name, "rate": -1 to 1}, {"axis": "x", "y" or "z", "rate"}, {"turn": the same, "rate"} or {"gripper": rate}.

        Raises:
            BadMotionError: If the robot has no such motion.
        """
        frame = self._read(motion)
        with self._lock:
            now = self._now()
            if press == self._press and now > self._until:
                self._end()
            if not press or press in self._over:
                return
            if press != self._press:
                self._end()
            self._press, self._until, self._frame = press, now + HOLD_TIME, frame

    def read(self) -> InputFrame:
        """Return what the held button asks for now."""
        with self._lock:
            now = self._now()
            if now > self._until:
                return InputFrame(now, self._frame.mode)
            return replace(self._frame, stamp=now)

    def _end(self) -> None:
        """End the present press; the caller holds the lock."""
        if self._press:
            if len(self._over) > 1024:
                self._over.clear()
            self._over.add(self._press)
        self._press, self._until = "", -math.inf

    def _read(self, motion: Mapping[str, Any]) -> InputFrame:
        rate = motion.get("gripper", motion.get("rate"))
        if (
            isinstance(rate, bool) or not isinstance(rate, (int, float)) or not -1.0 <= rate <= 1.0
        ):  # NaN is not, either
            raise BadMotionError(f"rate is {printable(str(rate))[:40]}; valid: -1 to 1")
        mode, still = TeleopMode.JOINTS, (0.0, 0.0, 0.0)
        if "joint" in motion:
            joint = motion["joint"]
            if not isinstance(joint, str) or joint not in self._joints:
                raise BadMotionError(f"joint '{printable(str(joint))[:64]}'; valid: {', '.join(sorted(self._joints))}")
            return InputFrame(self._now(), mode, True, rates={joint: float(rate)})
        if "gripper" in motion:
            return InputFrame(self._now(), mode, True, gripper=float(rate))
        kind = "axis" if "axis" in motion else "turn"
        axis = motion.get(kind)
        if axis not in AXES:
            raise BadMotionError(f"{kind} is {printable(str(axis))[:40]}; valid: x, y, z")
        along = tuple(float(rate) if name == axis else 0.0 for name in AXES)
        vector = (along[0], along[1], along[2])
        linear, angular = (vector, still) if kind == "axis" else (still, vector)
        return InputFrame(self._now(), TeleopMode.TOOL, True, linear=linear, angular=angular)

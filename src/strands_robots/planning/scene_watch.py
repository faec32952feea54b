"""Looks at the scene while a plan is played in it, and brakes the motion when it changes. A thread of its own; ROS-free."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from strands_robots.core.errors import StrandsRobotsError
from strands_robots.motion.motion_goal import MotionSession
from strands_robots.motion.motion_reason import MotionReason

PERIOD = 0.2
"""Time between two looks at the scene [s, steady time]; longer where a look takes long."""

_SHARE = 0.25  # of the time, at most, is spent on looking


class SceneWatch:
    """Watches one motion until it has an ending.

    Args:
        session: The motion.
        scene_change: Says in words what changed since the plan was made; empty for nothing.
    """

    def __init__(self, session: MotionSession, scene_change: Callable[[], str]) -> None:
        self._session = session
        self._scene_change = scene_change
        self._thread = threading.Thread(target=self._watch, name=f"scene of {session.robot}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def _watch(self) -> None:
        session, wait = self._session, PERIOD
        while True:
            with session.changed:
                if session.changed.wait_for(lambda: session.ending is not None, wait):
                    return
                is_moving = session.run is not None
            if not is_moving:
                continue  # the plan is being made; it looks for itself
            began = time.monotonic()
            try:
                change = self._scene_change()
            except StrandsRobotsError as error:
                session.brake(MotionReason.WORLD_FAILED, f"the scene cannot be seen any more: {error}")
                return
            if change:
                session.brake(MotionReason.SCENE_CHANGED, f"while the plan was played, {change}; the robot has braked")
                return
            wait = max(PERIOD, (time.monotonic() - began) / _SHARE)

"""Where a robot's set-points are now, for a plan that is to start there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from strands_robots.control.gate import GateReport
from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.core.stepping import StepAnswer
from strands_robots.core.types import Instant, JointLimits, Observation
from strands_robots.motion.watch import START_TIMEOUT, RobotWatch

_POLL = 0.05  # [s]


class PresentSetpoints:
    """Hears a robot until it has said all that is needed.

    Args:
        robot: Name of the robot.
        limits: Its limits.
        now: The present.
    """

    def __init__(self, robot: str, limits: JointLimits, now: Instant) -> None:
        self._robot = robot
        self._watch = RobotWatch(robot, limits, now)
        self._changed = threading.Condition()

    def on_observation(self, observation: Observation, now: Instant) -> None:
        """Take a measurement."""
        with self._changed:
            self._watch.now = now
            self._watch.on_observation(observation)
            self._changed.notify_all()

    def on_gate(self, report: GateReport, now: Instant) -> None:
        """Take the gate's state."""
        with self._changed:
            self._watch.now = now
            self._watch.on_gate(report)
            self._changed.notify_all()

    def on_applied(self, source: str, sequence: int, joint_names: tuple[str, ...], values: FloatArray) -> None:
        """Take what the gate let through."""
        with self._changed:
            self._watch.on_applied(source, sequence, dict(zip(joint_names, values.tolist())))
            self._changed.notify_all()

    def wait(self, is_over: Callable[[], bool]) -> FloatArray:
        """Return the set-points (D,) [rad] or [m] once they were heard.

        Raises:
            MotionError: "observation_lost" if they are not, "cancelled" if it was given up.
        """
        end = time.monotonic() + START_TIMEOUT
        with self._changed:
            while not self._watch.is_ready:
                if is_over():
                    raise MotionError("cancelled", "the plan was given up before its search began")
                if time.monotonic() > end:
                    raise MotionError(
                        "observation_lost",
                        f"joint_states, gate_state or command_applied of '{self._robot}' were not heard within {START_TIMEOUT:g} s",
                    )
                self._changed.wait(_POLL)
            return self._watch.commanded.copy()

    def of_step(self, answer: StepAnswer) -> FloatArray:
        """Return the set-points (D,) that a lockstep world answers; the measured positions where nothing was let through yet."""
        assert answer.observation is not None
        with self._changed:
            self._watch.on_observation(answer.observation)
            self._watch.commanded = self._watch.position.copy()
            if answer.applied is not None:
                source, sequence, names, values = answer.applied
                self._watch.on_applied(source, sequence, dict(zip(names, values.tolist())))
            return self._watch.commanded.copy()

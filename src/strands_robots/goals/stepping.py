"""A goal that owns the stepping of a lockstep world: takes it, steps, hears what became of each step, and gives it up. ROS-free."""

from __future__ import annotations

import threading
import time
from typing import Protocol

from strands_robots.core.arrays import FloatArray
from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import StrandsRobotsError
from strands_robots.core.stepping import LOCKSTEP, STOP_WAIT, StepAnswer, WorldLink
from strands_robots.core.types import Instant, Observation

_POLL = 0.02  # [s]


class SteppedGoal(Protocol):
    """A goal on one robot of a world that it steps itself.

    Attributes:
        changed: Notified when the goal was told something.
    """

    changed: threading.Condition

    @property
    def robot(self) -> str:
        """Name of its robot."""

    def on_observation(self, observation: Observation, now: Instant) -> None:
        """Take a measurement."""

    def on_applied(self, source: str, sequence: int, joint_names: tuple[str, ...], values: FloatArray) -> None:
        """Take what the gate let through."""

    def judge(self) -> bool:
        """Return whether the goal has ended, after a look at all that it was told."""

    def fail(self, message: str) -> None:
        """End as world_failed; the first reason stays."""

    def refuse(self, message: str) -> None:
        """End as refused; the first reason stays."""


class Stepping:
    """One goal's ownership of stepping.

    Args:
        goal: The goal.
        world: The world.
        client: Name under which the goal steps.
    """

    def __init__(self, goal: SteppedGoal, world: WorldLink, client: str) -> None:
        self._goal = goal
        self._world = world
        self._client = client
        self._is_owner = False

    def begin(self) -> float:
        """Take the stepping and look at the robot; returns the control period [s], or 0 when that ended the goal.

        Raises:
            StrandsRobotsError: If the world does not answer.
        """
        mode, control_period = self._world.mode()
        if mode != LOCKSTEP:
            self._goal.fail(f"the world runs in mode {mode}; valid: {LOCKSTEP}, or a goal with lockstep false")
            return 0.0
        answer = self._world.step(self._client, 0, None)
        self._is_owner = answer.success
        self._take(answer)
        return 0.0 if self._goal.judge() else control_period

    def step(self, steps: int, chunk: Chunk | None) -> None:
        """Advance the world by control periods, with a chunk before the first, and tell the goal what became of it.

        Raises:
            StrandsRobotsError: If the world does not answer.
        """
        self._take(self._world.step(self._client, steps, chunk))

    def end(self) -> None:
        """Give the stepping up, and the goal's chunks with it."""
        if not self._is_owner:
            return
        self._is_owner = False
        try:
            self._world.step(self._client, 0, None, release=True)
        except StrandsRobotsError as error:
            self._goal.fail(f"stepping could not be given up: {error}")

    def _take(self, answer: StepAnswer) -> None:
        if answer.observation is not None:
            self._goal.on_observation(answer.observation, Instant(answer.observation.stamp, time.monotonic()))
        if answer.applied is not None:
            self._goal.on_applied(*answer.applied)
        if answer.success and answer.observation is None:
            self._goal.fail(f"the world has no robot '{self._goal.robot}'")
        elif answer.refusals:
            self._goal.refuse("; ".join(answer.refusals))
        elif not answer.success:
            self._await_gate()
            self._goal.fail(answer.message)

    def _await_gate(self) -> None:
        """Wait for the gate's own word that it is latched, which says why; the world's answer does not."""
        deadline = time.monotonic() + STOP_WAIT
        with self._goal.changed:
            while not self._goal.judge() and time.monotonic() < deadline:
                self._goal.changed.wait(_POLL)

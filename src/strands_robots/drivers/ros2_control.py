"""A robot behind ros2_control: its joint_states in, set-points to its controllers out. The link does the messages; no ROS here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from strands_robots.control.readings import Readings
from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import StrandsRobotsError
from strands_robots.drivers.controllers import ControlledRobot
from strands_robots.drivers.driver import DriverError, Health, LinkLostError
from strands_robots.drivers.follow_watch import FollowWatch
from strands_robots.drivers.moved_watch import MOVED, MovedWatch
from strands_robots.drivers.patience import Patience
from strands_robots.drivers.set_point_sender import SetPointSender

FIRST_STATES = 3.0
"""Longest wait for controllers and the first numbers of every joint, where nothing else is said [s]."""

SHORTEST_STEP = 1e-4
"""Two states closer together than this give no velocity [s]."""


@dataclass
class MeasuredJoints:
    """One JointState of the robot.

    Attributes:
        names: Joints, as they are called there.
        position: [rad] or [m], as long as `names`.
        velocity, effort: The same, or empty.
        stamp: When it was measured [s, its own clock]; 0 for unknown.
    """

    names: Sequence[str]
    position: Sequence[float]
    velocity: Sequence[float]
    effort: Sequence[float]
    stamp: float


class ControllerLink(Protocol):
    """Messages to and from a robot behind ros2_control. `open` and `close` are the node's thread's, the rest the loop's."""

    def open(self, patience: Patience) -> dict[str, str]:
        """Find states and controllers; return what was found, for diagnostics.

        Args:
            patience: How long to wait for them.

        Raises:
            DriverError: If something is missing, or another node moves the robot.
        """

    def samples(self) -> Iterable[MeasuredJoints]:
        """Return the states that came since the last call, oldest first."""

    def send(self, output: int, values: FloatArray, within: float) -> None:
        """Send position targets of one output, in its joints' order, to be reached within a time [s]; they are copied."""

    def switch(self, active: bool) -> None:
        """Begin to activate the controllers, or to deactivate them; `check` says how it went."""

    def inactive(self) -> Mapping[int, str]:
        """Return the outputs whose controllers do not act on what is sent, or did not for a moment since the last call, with the reason.

        Raises:
            LinkLostError: As `check`.
        """

    def reference(self, output: int) -> Mapping[str, float]:
        """Return the set-points that a controller says it follows, by joint as called there; empty where it says none."""

    def check(self) -> str:
        """Return what stops the robot, for example another node that commands it; empty when nothing does.

        Raises:
            LinkLostError: If the last switch failed, or took too long.
        """

    def close(self) -> None:
        """Take everything back; waits for a switch that has begun."""


class Ros2ControlDriver:
    """See `Driver`.

    Without `switch` the controllers go on holding whatever this driver says of torque: it only stops sending.

    Args:
        robot: The robot's controllers.
        link: Its messages.
        velocity: The joints' velocity limits (D,) [rad/s] or [m/s].
        make_patience: Gives the deadline of a connection, which the link shares.
    """

    measures: tuple[str, ...] = ()
    sag_time = 0.005

    def __init__(
        self,
        robot: ControlledRobot,
        link: ControllerLink,
        velocity: FloatArray,
        make_patience: Callable[[], Patience] = lambda: Patience(FIRST_STATES, lambda text: None),
    ) -> None:
        size = len(robot.joints)
        self.health = Health()
        self.identity: dict[str, str] = {}
        self.complaint = ""
        self._robot, self._link, self._make_patience = robot, link, make_patience
        self._index = {name: i for i, name in enumerate(robot.joints)}
        self._position: FloatArray = np.zeros(size)
        self._velocity: FloatArray = np.zeros(size)
        self._effort: FloatArray = np.zeros(size)
        self._stamp: FloatArray = np.zeros(size)
        self._heard: FloatArray = np.full(size, -np.inf)
        self._age: FloatArray = np.zeros(size)
        self._target: FloatArray = np.zeros(size)
        lead, stale = robot.config.lead, robot.config.stale
        self._outputs = [
            SetPointSender(output, lead, stale, partial(link.send, i)) for i, output in enumerate(robot.outputs)
        ]
        self._drives = False
        self._allowed: FloatArray = MOVED * velocity
        self._moved = MovedWatch(self._allowed)
        self._follow = FollowWatch(velocity, robot.config.lag + lead)
        self._is_detached = np.zeros(size, dtype=bool)
        self._detached = ""

    def connect(self) -> None:
        """See `Driver`."""
        patience = self._make_patience()
        try:
            found = self._link.open(patience)
            self._await_states(patience)
        except StrandsRobotsError:
            self._link.close()
            raise
        config = self._robot.config
        self.identity = {"joint_states": config.joint_states, **found}
        if not self._effort.any():
            self.identity["effort"] = "not in joint_states, or 0"

    def read(self, position: FloatArray, velocity: FloatArray, effort: FloatArray) -> None:
        """See `Driver`."""
        complaint = self._link.check()
        self._take_all()
        self._find_detached()
        config, health = self._robot.config, self.health
        np.subtract(time.monotonic(), self._heard, out=self._age)
        oldest = int(self._age.argmax())
        age = float(self._age[oldest])
        health.cycles += 1
        health.incomplete += age > config.stale
        if age > config.lost:
            raise LinkLostError(f"'{self._robot.joints[oldest]}' has not been in {config.joint_states} for {age:.2f} s")
        if age > config.stale:
            complaint = f"'{self._robot.joints[oldest]}' has not been in {config.joint_states} for {config.stale:g} s"
        self.complaint = complaint or self._detached
        position[:] = self._position
        velocity[:] = self._velocity
        effort[:] = self._effort

    def read_others(self, readings: Readings) -> None:
        """See `Driver`; joint_states have neither temperatures nor currents."""
        readings.detached = self._detached
        readings.is_detached[:] = self._is_detached

    def set_target(self, target: FloatArray) -> None:
        """See `Driver`. A target that is not a new one is not sent again: a trajectory ends at it, and holds."""
        self._target[:] = target
        if not self._drives:
            return
        now = time.monotonic()
        for sender in self._outputs:
            age = now - float(self._heard[sender.indices].min())
            if sender.send(self._target, self._position, age, now):
                self._moved.on_sent(now)
        if not any(sender.is_silent for sender in self._outputs):
            self._follow.on_target(self._target, now)

    def set_torque(self, enabled: bool) -> None:
        """See `Driver`."""
        self._drives = enabled
        if self._robot.config.switch:
            self._link.switch(enabled)
        for sender in self._outputs:
            sender.forget()
            sender.is_silent = False
        self._follow.restart()
        if enabled:
            self.set_target(self._target)

    def disconnect(self) -> None:
        """See `Driver`."""
        self._drives = False
        self._link.close()

    def _find_detached(self) -> None:
        """Find the joints whose controllers do not act on what is sent: inactive ones, and those that another client commands."""
        self._is_detached.fill(False)
        self._detached = ""
        inactive = self._link.inactive()  # asked without torque as well, so that nothing old is left for later
        if not self._drives:
            return
        for i, sender in enumerate(self._outputs):
            sender.is_silent = i in inactive
            if i in inactive:
                self._is_detached[sender.indices] = True
                self._detached = inactive[i]
        now = time.monotonic()
        if self._detached:
            self._moved.on_sent(now)
            self._follow.restart()
            return
        problem = self._problem_of_motion(now)
        if problem:
            self._is_detached[:] = True
            self._detached = problem
            self._moved.on_sent(now)
            self._follow.restart()

    def _problem_of_motion(self, now: float) -> str:
        """Return which joint does not do what it was told, in words; empty when all do."""
        if self._moved.is_settled(now):
            self._follow.on_rest(self._position, self._target)
        joint = self._moved.check(self._position, self._target, now)
        where = "is at"
        if joint is None:
            joint, where = self._commanded_elsewhere(now), "is commanded away from"
        if joint is not None:
            return (
                f"'{self._robot.joints[joint]}' was moved by another client of its controller, or pushed: it {where} "
                f"{self._position[joint]:.3f}, its set-point is {self._target[joint]:.3f}; valid: /<robot>/joint_trajectory for others"
            )
        joint = self._follow.check(self._position, self._heard)
        if joint is None:
            return ""
        return (
            f"'{self._robot.joints[joint]}' does not follow: it is at {self._position[joint]:.3f}, its set-point is "
            f"{self._target[joint]:.3f}; valid: an active controller and a free way, or a larger `lag` in the controllers' file"
        )

    def _commanded_elsewhere(self, now: float) -> int | None:
        """Return a joint whose controller follows another set-point than the one that it was sent, once it had the time to take it."""
        if not self._moved.is_settled(now):
            return None
        for i in range(len(self._outputs)):
            for name, value in self._link.reference(i).items():
                joint = self._index.get(name)
                if joint is not None and abs(value - self._target[joint]) > self._allowed[joint]:
                    return joint
        return None

    def _await_states(self, patience: Patience) -> None:
        self._take_all()
        while np.isinf(self._heard).any():
            silent = ", ".join(name for name, heard in zip(self._robot.joints, self._heard) if np.isinf(heard))
            if not patience.go_on(f"{silent} in {self._robot.config.joint_states}"):
                raise DriverError(
                    f"{self._robot.config.joint_states} had no numbers of {silent} within {patience.wait:g} s; valid: a "
                    "joint_state_broadcaster, or `rename` in the controllers' file where joints have other names there"
                )
            self._take_all()

    def _take_all(self) -> None:
        for sample in self._link.samples():
            self._take(sample)

    def _take(self, sample: MeasuredJoints) -> None:
        now, count = time.monotonic(), len(sample.names)
        if len(sample.position) != count:
            self.health.counts["wrong_length"] += 1
            return
        has_velocity, has_effort = len(sample.velocity) == count, len(sample.effort) == count
        for k, name in enumerate(sample.names):
            i = self._index.get(name)
            if i is None:
                continue
            if not np.isfinite(sample.position[k]):
                self.health.counts["not_finite"] += 1
                continue
            if sample.stamp and sample.stamp <= self._stamp[i]:
                self.health.counts["repeated"] += 1
                continue
            if has_velocity and np.isfinite(sample.velocity[k]):
                self._velocity[i] = sample.velocity[k]
            else:
                self._differentiate(i, sample.position[k], sample.stamp, now)
            self._effort[i] = sample.effort[k] if has_effort and np.isfinite(sample.effort[k]) else 0.0
            self._position[i], self._stamp[i], self._heard[i] = sample.position[k], sample.stamp, now

    def _differentiate(self, i: int, position: float, stamp: float, now: float) -> None:
        step = stamp - self._stamp[i] if stamp and self._stamp[i] else now - self._heard[i]
        if SHORTEST_STEP < step < np.inf:
            self._velocity[i] = (position - self._position[i]) / step

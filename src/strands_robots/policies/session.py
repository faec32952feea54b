"""One goal of run_policy: makes the policy, asks it, sends what it answers, and says how it ended.

Runs in a thread of its own; ROS-free.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from strands_robots.errors import PolicyError, StrandsRobotsError
from strands_robots.motion.chunk import Chunk
from strands_robots.policies.provider import PolicyContext
from strands_robots.policies.registry import create_policy
from strands_robots.policies.run import PolicyRun, Reason, RunConfig
from strands_robots.safety.gate import GateReport
from strands_robots.types import Action, FloatArray, Instant, JointLimits, Observation, Policy

DESCRIPTION_WAIT = 1.0
"""How long to wait for the robot's description, which a policy can do without [s, steady time]."""

T = TypeVar("T")

_POLL = 0.02


@dataclass(frozen=True)
class Goal:
    """What was asked for.

    Attributes:
        goal_id: Identity of the goal, hexadecimal.
        robot: Name of the robot.
        policy: Name of the provider.
        config: Its settings, YAML or JSON.
        task: What the robot shall do, in words.
        rate: Wanted rows a second [Hz]; 0 for the provider's own.
        duration: End after this much ROS time [s]; 0 is no limit.
        steps: End after this many rows; 0 is no limit.
        seed: Seed of the policy.
        lockstep: Step a world instead of following a robot that moves in its own time.
    """

    goal_id: str
    robot: str
    policy: str
    config: str = ""
    task: str = ""
    rate: float = 0.0
    duration: float = 0.0
    steps: int = 0
    seed: int = 0
    lockstep: bool = False


class RobotLink(Protocol):
    """The session's way to its robot."""

    def now(self) -> Instant:
        """Return the present."""

    def send(self, chunk: Chunk, latency: float) -> None:
        """Send a chunk that took `latency` [s] to infer."""

    def is_connected(self) -> bool:
        """Return whether somebody would hear a chunk."""

    def report_progress(self) -> None:
        """Tell the client how far the run is."""


@dataclass(frozen=True)
class Outcome:
    """The fields of RunPolicy's result."""

    success: bool
    message: str
    reason: Reason
    chunks: int = 0
    steps: int = 0
    elapsed: float = 0.0
    joint_names: tuple[str, ...] = ()
    motion: tuple[float, ...] = ()


class Session:
    """State that the session's thread and the executor share. Every `on_*` and `cancel` may be called from any thread.

    Args:
        goal: What was asked for.
        now: The present.

    Attributes:
        run: The run; use it while holding `changed`.
        changed: Notified when something was told.

    Raises:
        ConfigurationError: If the goal is not usable.
    """

    def __init__(self, goal: Goal, now: Instant) -> None:
        self.goal = goal
        self.changed = threading.Condition()
        config = RunConfig(goal.robot, f"policy/{goal.policy}", goal.duration, goal.steps)
        if goal.lockstep:  # Time passes by this session's own steps only: nothing to wait for, and nothing grows old.
            config = replace(config, lease_wait=0.0, observation_timeout=math.inf)
        self.run = PolicyRun(config, now, time.time_ns())
        self._limits: JointLimits | None = None

    def on_observation(self, observation: Observation, now: Instant) -> None:
        """Take an observation."""
        with self.changed:
            self.run.on_observation(observation, now)
            self.changed.notify_all()

    def on_gate(self, report: GateReport, now: Instant) -> None:
        """Take the gate's state."""
        with self.changed:
            self.run.on_gate(report, now)
            self.changed.notify_all()

    def on_applied(self, source: str, sequence: int, joint_names: tuple[str, ...], values: FloatArray) -> None:
        """Take what the gate let through."""
        with self.changed:
            self.run.on_applied(source, sequence, joint_names, values)

    def on_limits(self, limits: JointLimits) -> None:
        """Take the robot's limits."""
        with self.changed:
            self._limits = limits
            self.changed.notify_all()

    def end(self, reason: Reason, message: str) -> None:
        """End the run as soon as the policy answers."""
        with self.changed:
            self.run.end(reason, message)
            self.changed.notify_all()

    def make_policy(self) -> Policy:
        """Return the policy, reset; call after the first observation.

        Raises:
            StrandsRobotsError: If it cannot be made.
        """
        with self.changed:
            self.changed.wait_for(lambda: self._limits is not None or self.run.has_ended(), DESCRIPTION_WAIT)
            observation = self.run.observation
            limits = self._limits
        names = observation.joint_names if observation is not None else ()
        if limits is not None and any(name not in limits.index for name in names):
            limits = None
        goal = self.goal
        context = PolicyContext(goal.robot, names, limits, goal.task, goal.rate)
        policy = _guarded(lambda: create_policy(goal.policy, goal.config, context))
        _guarded(lambda: policy.reset(goal.seed))
        return policy

    def outcome(self, now: Instant) -> Outcome:
        """Return what became of an ended run."""
        run = self.run
        with self.changed:
            ending = run.ending
            if ending is None:
                raise PolicyError("the run goes on; valid: to ask when it has ended")
            lost = run.lost_chunks
            success = ending.reason is Reason.COMPLETED and lost == 0
            message = ending.message if not lost else f"{ending.message}; {lost} of {run.chunks} chunks were not played"
            return Outcome(
                success, message, ending.reason, run.chunks, run.steps(now), run.elapsed(now), run.motion.joint_names,
                tuple((run.motion.highest - run.motion.lowest).tolist()),
            )  # fmt: skip


def infer(policy: Policy, observation: Observation) -> tuple[Action, float]:
    """Return the policy's answer and how long it took [s].

    Raises:
        StrandsRobotsError: If the policy failed.
    """
    begin = time.monotonic()
    action = _guarded(lambda: policy.infer(observation))
    return action, time.monotonic() - begin


def _guarded(call: Callable[[], T]) -> T:
    """Return what the policy's own code returns.

    Whatever it raises becomes a PolicyError, for that code is somebody else's.
    """
    try:
        return call()
    except StrandsRobotsError:
        raise
    except Exception as error:
        raise PolicyError(f"{type(error).__name__}: {error}") from error


def run_realtime(session: Session, link: RobotLink) -> None:
    """Run a goal against a robot that moves in its own time, until the run has an ending."""
    run, changed = session.run, session.changed
    policy: Policy | None = None
    try:
        _wait_until_ready(session, link)
        if not run.has_ended():
            policy = session.make_policy()
        while policy is not None:
            with changed:
                is_due, observation = run.is_inference_due(link.now()), run.observation
                if run.has_ended():
                    break
                if not is_due or observation is None:
                    changed.wait(_POLL)
                    continue
            action, latency = infer(policy, observation)
            with changed:
                if run.has_ended():
                    break
                chunk = run.make_chunk(action, observation, latency, link.now())
            link.send(chunk, latency)
            link.report_progress()
    except StrandsRobotsError as error:
        session.end(Reason.POLICY_FAILED if run.chunks or policy is not None else Reason.REFUSED, str(error))
    finally:
        if policy is not None:
            policy.close()
    _hold(session, link)


def _wait_until_ready(session: Session, link: RobotLink) -> None:
    """Return when the robot is heard and hears, or the run has an ending.

    The observation must be younger than the first word of the gate, so that the chunk is younger than the arming.
    """
    run, changed = session.run, session.changed
    earlier: Observation | None = None
    was_heard = False
    last = link.now().steady + run.config.start_timeout
    with changed:
        while not run.has_ended():
            if run.is_heard and not was_heard:
                was_heard, earlier = True, run.observation
            if run.is_inference_due(link.now()) and link.is_connected() and run.observation is not earlier:
                return
            if link.now().steady > last and not link.is_connected():
                run.end(Reason.REFUSED, f"nobody listens to {session.goal.robot}/action_chunk")
            changed.wait(_POLL)


def _hold(session: Session, link: RobotLink) -> None:
    """Stop the motion of a run that ended early.

    A stopped gate does that itself, and a complete run's last chunk ends there.
    """
    run = session.run
    if run.ending is not None and run.ending.reason in (Reason.CANCELLED, Reason.POLICY_FAILED):
        with session.changed:
            chunk = run.make_hold(link.now())
        if chunk is not None:
            link.send(chunk, 0.0)

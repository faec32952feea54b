"""A goal of run_policy on a robot that moves in its own time. Runs in a thread of its own; ROS-free."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import StrandsRobotsError
from strands_robots.core.types import Instant, Observation, Policy
from strands_robots.policies.run.policy_goal import PolicySession, infer
from strands_robots.policies.run.policy_run import RunReason

_POLL = 0.02


class PolicyRobotLink(Protocol):
    """The session's way to its robot."""

    def now(self) -> Instant:
        """Return the present."""

    def send(self, chunk: Chunk, latency: float) -> None:
        """Send a chunk that took `latency` [s] to infer."""

    def is_connected(self) -> bool:
        """Return whether a robot node would receive a chunk."""

    def open_cameras(self, cameras: Iterable[str]) -> None:
        """Listen to cameras of the robot from now on."""

    def report_progress(self) -> None:
        """Tell the client how far the run is."""


def run_realtime(session: PolicySession, link: PolicyRobotLink) -> None:
    """Run a goal against a robot that moves in its own time, until the run has an ending."""
    run, changed = session.run, session.changed
    policy: Policy | None = None
    try:
        _wait_until_ready(session, link)
        if not run.has_ended():
            policy = session.make_policy()
            _wait_for_pictures(session, link, policy)
        while policy is not None:
            with changed:
                is_due, observation = run.is_inference_due(link.now()), run.observation
                if run.has_ended():
                    break
                if not is_due or observation is None:
                    changed.wait(_POLL)
                    continue
            action, latency = infer(session, policy, observation)
            with changed:
                if run.has_ended():
                    break
                chunk = run.make_chunk(action, observation, latency, link.now())
            link.send(chunk, latency)
            link.report_progress()
    except StrandsRobotsError as error:
        session.end(RunReason.POLICY_FAILED if run.chunks or policy is not None else RunReason.REFUSED, str(error))
    finally:
        session.put_away()
    _hold(session, link)


def _wait_until_ready(session: PolicySession, link: PolicyRobotLink) -> None:
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
                run.end(RunReason.REFUSED, f"no subscriber to {session.goal.robot}/action_chunk")
            changed.wait(_POLL)


def _wait_for_pictures(session: PolicySession, link: PolicyRobotLink, policy: Policy) -> None:
    """Return when every camera that the policy needs has sent a picture, or the run has an ending."""
    run, changed = session.run, session.changed
    if not policy.needs.cameras:
        return
    link.open_cameras(policy.needs.cameras)
    last = link.now().steady + run.config.start_timeout
    with changed:
        while not run.has_ended() and not session.has_pictures():
            if link.now().steady > last:
                names = ", ".join(policy.needs.cameras)
                run.end(
                    RunReason.OBSERVATION_LOST, f"no pictures of each of {names} within {run.config.start_timeout:g} s"
                )
            changed.wait(_POLL)


def _hold(session: PolicySession, link: PolicyRobotLink) -> None:
    """Stop the motion of a run that ended early.

    A stopped gate does that itself, and a complete run's last chunk ends there.
    """
    run = session.run
    if run.ending is not None and run.ending.reason in (
        RunReason.CANCELLED, RunReason.POLICY_FAILED, RunReason.CONDITION_MET
    ):  # fmt: skip
        with session.changed:
            chunk = run.make_hold(link.now())
        if chunk is not None:
            link.send(chunk, 0.0)

"""A goal of run_policy against a world that advances only when it is stepped.

Deterministic: no clock but the world's decides. ROS-free.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace

from strands_robots.core.errors import StrandsRobotsError, WorldError
from strands_robots.core.stepping import WorldLink
from strands_robots.core.types import Action, Instant, Observation, Policy
from strands_robots.goals.stepping import Stepping
from strands_robots.policies.run.policy_goal import PolicySession, infer
from strands_robots.policies.run.policy_run import RunReason


def run_lockstep(session: PolicySession, world: WorldLink) -> None:
    """Run a goal by stepping the world, until the run has an ending.

    Stepping is given up at the end, and the world's chunks with it.
    """
    stepping = Stepping(session, world, f"policy/{session.goal.goal_id}")
    policy: Policy | None = None
    try:
        control_period = stepping.begin()
        if control_period > 0.0:
            policy = session.make_policy()
            _look(session, world, policy)
            _advance(session, world, stepping, policy, control_period)
    except StrandsRobotsError as error:
        session.error = error
        session.end(_blame(policy, error), str(error))
    finally:
        session.put_away()
        stepping.end()


def _advance(
    session: PolicySession, world: WorldLink, stepping: Stepping, policy: Policy, control_period: float
) -> None:
    run, changed = session.run, session.changed
    while True:
        with changed:
            observation = run.observation
            if observation is None or not changed.wait_for(
                lambda: run.is_heard or run.has_ended(), run.config.start_timeout
            ):
                run.end(
                    RunReason.OBSERVATION_LOST,
                    f"no {session.goal.robot}/gate_state within {run.config.start_timeout} s",
                )
            now = _at(observation)
            is_due = run.is_inference_due(now)
            if run.has_ended() or observation is None:
                return
        chunk = None
        if is_due:
            if policy.needs.history == 1:
                _look(session, world, policy)
            action, latency = infer(session, policy, observation)
            if session.latency is not None:
                latency = session.latency(latency)
                observation, now = _wait(session, stepping, action, observation, latency, control_period)
                if run.has_ended():
                    return
                if now.ros >= run.end_time - 1e-9:
                    continue  # The answer came after the end: it is not sent, and the run is complete.
            with changed:
                chunk = run.make_chunk(action, observation, latency, now)
        with changed:
            rows = max(round(run.period / control_period), 1)
            left = max(round((run.end_time - now.ros) / control_period), 1)
        session.periods += min(rows, left) if run.chunks else 0
        stepping.step(min(rows, left), chunk)
        if policy.needs.history > 1:
            _look(session, world, policy)
        if chunk is not None:
            world.report_progress()


def _wait(
    session: PolicySession,
    stepping: Stepping,
    action: Action,
    observation: Observation,
    latency: float,
    control_period: float,
) -> tuple[Observation, Instant]:
    """Let whole control periods pass for an inference, while the last chunk is played on, and return what the chunk begins from.

    That is the observation that was answered, so that the rows which are past are left out; where all of them are, the present,
    so that the chunk is played late and whole.
    """
    run = session.run
    periods = math.ceil(latency / control_period - 1e-6)
    with session.changed:
        run.begin(observation)
        periods = min(periods, max(round((run.end_time - observation.stamp) / control_period), 1))
    if run.chunks:
        covered = max(round((run.covered_until - observation.stamp) / control_period), 0)
        session.periods += periods
        session.stale_periods += max(periods - covered, 0)
    if periods:
        stepping.step(periods, None)
    present = run.observation if run.observation is not None else observation
    ends = observation.stamp + len(action.values) * action.control_period
    begins = (
        observation if present.stamp < ends - 0.5 * action.control_period else replace(observation, stamp=present.stamp)
    )
    return begins, _at(present)


def _look(session: PolicySession, world: WorldLink, policy: Policy) -> None:
    """Take a picture of every camera that the policy needs, and look where bodies are, at the time of the latest observation."""
    observation = session.run.observation
    if observation is not None and not session.run.has_ended():
        session.see_bodies()
        for camera in policy.needs.cameras:
            session.on_picture(camera, observation.stamp, world.picture(camera))
        session.remember(observation)


def _at(observation: Observation | None) -> Instant:
    return Instant(observation.stamp if observation is not None else 0.0, time.monotonic())


def _blame(policy: Policy | None, error: StrandsRobotsError) -> RunReason:
    if isinstance(error, WorldError):
        return RunReason.WORLD_FAILED
    return RunReason.POLICY_FAILED if policy is not None else RunReason.REFUSED

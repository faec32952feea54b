"""What one episode of a recording does while it runs: a policy, steps of a world, or nothing but time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from strands_robots.clients.client import GraphClient
from strands_robots.clients.policy_client import PolicyGoalFields, run_policy
from strands_robots.core.errors import WorldError
from strands_robots.srv import RecordEpisode, StepWorld

CLIENT = "operator/record"


@dataclass(frozen=True)
class RecordPlan:
    """What to record; cli/record.py explains the fields."""

    root: str
    repo_id: str
    task: str
    episodes: int
    duration: float
    fps: int
    robots: tuple[str, ...]
    cameras: tuple[str, ...]
    policy: str
    config: str
    rate: float
    seed: int
    lockstep: bool
    mode: int
    velocity: bool
    effort: bool
    units: str
    codec: str
    on_stale: str
    success_when: str = ""
    intervention: bool = False
    reset_time: float = 0.0
    countdown: float = 0.0
    adapter: str = ""
    is_dagger: bool = False
    keep_seconds: float = 0.0
    language: bool = False
    encoder: str = ""


def ending_of(result: Any) -> str:
    """Return in words how a run of a policy ended."""
    return f"{result.termination_reason}: {result.message}"


def play(
    client: GraphClient, plan: RecordPlan, key: dict[str, Any], seed: int, complain: Callable[[str], None],
    is_over: Callable[[], bool],
) -> tuple[str, int]:  # fmt: skip
    """Let the time of an episode pass; return what went wrong, or nothing, and RecordEpisode's outcome."""
    end = time.monotonic() + plan.duration
    if plan.policy:
        goal = PolicyGoalFields(
            **key, task=plan.task, duration=plan.duration, seed=seed, lockstep=plan.lockstep, stop_when=plan.success_when,
            keep_loaded=True,
        )  # fmt: skip
        result = run_policy(client, goal, complain, until=is_over)
        if is_over():
            return "", RecordEpisode.Request.UNKNOWN
        if result.termination_reason == "cancelled":
            raise KeyboardInterrupt  # run_policy takes the key press itself.
        if not result.success:
            return f"{result.termination_reason}: {result.message}", RecordEpisode.Request.UNKNOWN
        return "", outcome_of(plan, result.termination_reason)
    if plan.lockstep:
        return _step(client, plan, is_over), RecordEpisode.Request.UNKNOWN
    return _wait(client, end, is_over), RecordEpisode.Request.UNKNOWN


def _wait(client: GraphClient, end: float, is_over: Callable[[], bool]) -> str:
    """Let time pass until `end` [s, steady time], or until the episode is over; nothing goes wrong in it."""
    while time.monotonic() < end and not is_over():
        client.spin_until(lambda: False, min(0.1, max(end - time.monotonic(), 0.0)))
    return ""


def outcome_of(plan: RecordPlan, reason: str) -> int:
    """Return RecordEpisode's outcome of a policy that ran to its end."""
    if not plan.success_when:
        return int(RecordEpisode.Request.UNKNOWN)
    return int(RecordEpisode.Request.SUCCEEDED if reason == "condition_met" else RecordEpisode.Request.FAILED)


def _step(client: GraphClient, plan: RecordPlan, is_over: Callable[[], bool]) -> str:
    """Step a world in which no source moves the robots, one frame at a time."""
    answer = client.call(StepWorld, "world/step", StepWorld.Request(client=CLIENT, steps=0), 10.0)
    if not answer.success:
        return str(answer.message)
    start = answer.stamp.sec + 1e-9 * answer.stamp.nanosec
    now = start
    while now < start + plan.duration - 1e-9 and not is_over():
        answer = client.call(StepWorld, "world/step", StepWorld.Request(client=CLIENT, steps=1), 30.0)
        if not answer.success:
            return str(answer.message)
        now = answer.stamp.sec + 1e-9 * answer.stamp.nanosec
    client.call(StepWorld, "world/step", StepWorld.Request(client=CLIENT, steps=0, release=True), 10.0)
    return ""


def only_robot(client: GraphClient) -> str:
    """Return the graph's robot.

    Raises:
        WorldError: If there is not exactly one.
    """
    from strands_robots.ros.robot.robot_discovery import robots_on_graph

    client.spin_until(lambda: bool(robots_on_graph(client.node)), 3.0)
    robots = robots_on_graph(client.node)
    if len(robots) != 1:
        raise WorldError(f"the graph has the robots {', '.join(robots) or 'none'}; valid: --robot names one")
    return robots[0]

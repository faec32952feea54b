"""Records episodes as a client of recorder_node."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from strands_robots.clients.client import GraphClient
from strands_robots.clients.policy_client import PolicyGoalFields, run_policy
from strands_robots.clients.policy_take import GOAL_SLACK, PolicyTake, RecorderOrders, load_policy, unload_policy
from strands_robots.core.errors import StrandsRobotsError, WorldError
from strands_robots.ros.goals.goal_owners import GoalBeats
from strands_robots.srv import RecordEpisode, ResetWorld, StartRecording, StepWorld

START_TIMEOUT = 120.0
EPISODE_TIMEOUT = 300.0
CLIENT = "operator/record"
_BY_HAND = "'teleop/"
"""What the gate says of who holds the robot, where a hand took it from a policy."""


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
    adapter: str = ""


def record_episodes(
    client: GraphClient, plan: RecordPlan, tell: Callable[[str], None], complain: Callable[[str], None]
) -> int:
    """Record the episodes of a plan and return how many were saved.

    Args:
        client: Client of the graph.
        plan: What to record.
        tell: Takes a line about what was done.
        complain: Takes a line about what went wrong, or about progress.

    Raises:
        NoAnswerError: If recorder_node does not answer.
        WorldError: If it cannot start.
    """
    key: dict[str, Any] = {}
    if plan.policy:
        robot = plan.robots[0] if plan.robots else _only_robot(client)
        key = {"robot": robot, "policy": plan.policy, "config": plan.config, "adapter": plan.adapter, "rate": plan.rate}
        load_policy(client, tell, **key)
    try:
        return _record(client, plan, key, tell, complain)
    finally:
        if key:
            unload_policy(client, **key)


def _record(
    client: GraphClient,
    plan: RecordPlan,
    key: dict[str, Any],
    tell: Callable[[str], None],
    complain: Callable[[str], None],
) -> int:
    """Record the episodes, the policy being loaded; return how many were saved."""
    owner = uuid.uuid4().hex
    GoalBeats(client.node).keep(owner)
    _start(client, plan, owner, tell)
    saved = 0
    orders = RecorderOrders(client)
    try:
        for number in range(plan.episodes):
            if plan.policy and not plan.lockstep:
                saved += _policy_episode(client, plan, key, plan.seed + number, orders, tell, complain)
            else:
                saved += _episode(client, plan, key, plan.seed + number, tell, complain)
    except KeyboardInterrupt:
        complain("interrupted: the present episode is discarded")
        _order(client, RecordEpisode.Request.DISCARD)
    finally:
        response = _order(client, RecordEpisode.Request.STOP)
        (tell if response.success else complain)(response.message)
        orders.close()
    return saved


def _start(client: GraphClient, plan: RecordPlan, owner: str, tell: Callable[[str], None]) -> None:
    request = StartRecording.Request(
        root=plan.root, repo_id=plan.repo_id, mode=plan.mode, fps=plan.fps, robots=list(plan.robots),
        cameras=list(plan.cameras), task=plan.task, units=plan.units, with_velocity=plan.velocity,
        with_effort=plan.effort, with_outcome=bool(plan.success_when), with_intervention=plan.intervention,
        codec=plan.codec, on_stale=plan.on_stale, owner=owner,
        provenance=json.dumps({"policy": plan.policy, "policy_config": plan.config}) if plan.policy else "",
    )  # fmt: skip
    response = client.call(StartRecording, "recorder/start", request, START_TIMEOUT)
    if not response.success:
        raise WorldError(response.message)
    for line in response.repaired:
        tell(line)
    tell(f"{response.message}; it has {response.episodes}")


def _policy_episode(
    client: GraphClient, plan: RecordPlan, key: dict[str, Any], seed: int, orders: RecorderOrders, tell: Callable[[str], None],
    complain: Callable[[str], None],
) -> bool:  # fmt: skip
    """Record one episode of a policy in real time; return whether it was saved."""
    outcome = RecordEpisode.Request.FAILED if plan.success_when else RecordEpisode.Request.UNKNOWN
    take = PolicyTake(client, orders, plan.duration, plan.fps, json.dumps({"seed": seed}), int(outcome))
    goal = PolicyGoalFields(
        **key,
        task=plan.task,
        duration=plan.duration + GOAL_SLACK,
        seed=seed,
        stop_when=plan.success_when,
        keep_loaded=True,
    )
    problem = ""
    try:
        result = run_policy(client, goal, complain, take.attend)
        if take.ended is None:
            problem, outcome = _verdict(plan, result, take, complain)
    except StrandsRobotsError as error:
        problem = str(error)
    if problem:
        complain(f"episode {take.begun.episode}: {problem}" if take.begun is not None else f"no episode: {problem}")
        if take.begun is not None and take.ended is None:
            orders.order(RecordEpisode.Request.DISCARD)
        return False
    if take.ended is None:
        reward = 1.0 if outcome == RecordEpisode.Request.SUCCEEDED else 0.0
        take.ended = orders.order(RecordEpisode.Request.END, outcome=outcome, reward=reward)
    return _report(take.ended, tell, complain)


def _verdict(plan: RecordPlan, result: Any, take: PolicyTake, complain: Callable[[str], None]) -> tuple[str, int]:
    """Return what went wrong with a policy that ended before its episode, or nothing, and RecordEpisode's outcome."""
    if result.termination_reason == "cancelled":
        raise KeyboardInterrupt  # run_policy takes the key press itself.
    if (
        plan.intervention
        and take.begun is not None
        and result.termination_reason == "refused"
        and _BY_HAND in result.message
    ):
        complain("a hand took the robot from the policy; the episode goes on to its end")
        take.wait()
        return "", int(RecordEpisode.Request.UNKNOWN)
    if not result.success or take.begun is None:
        return f"{result.termination_reason}: {result.message}", int(RecordEpisode.Request.UNKNOWN)
    return "", _outcome(plan, result.termination_reason)


def _report(ended: Any, tell: Callable[[str], None], complain: Callable[[str], None]) -> bool:
    """Say what became of an episode; return whether it was saved."""
    (tell if ended.success else complain)(ended.message)
    for count in ended.state.streams:
        numbers = ", ".join(
            f"{getattr(count, name)} {name}"
            for name in ("received", "used", "repeated", "stale", "lost", "gaps", "late")
        )
        tell(f"  {count.topic}: {numbers}")
    return bool(ended.success)


def _episode(
    client: GraphClient,
    plan: RecordPlan,
    key: dict[str, Any],
    seed: int,
    tell: Callable[[str], None],
    complain: Callable[[str], None],
) -> bool:
    """Record one episode; return whether it was saved."""
    if plan.lockstep:
        reset = client.call(ResetWorld, "world/reset", ResetWorld.Request(seed=seed), 10.0)
        if not reset.success:
            raise WorldError(f"the world cannot be reset: {reset.message}")
    begun = _order(client, RecordEpisode.Request.BEGIN, provenance=json.dumps({"seed": seed}))
    if not begun.success:
        complain(begun.message)
        return False
    outcome = RecordEpisode.Request.UNKNOWN
    try:
        problem, outcome = _play(client, plan, key, seed, complain)
    except StrandsRobotsError as error:
        problem = str(error)
    if problem:
        complain(f"episode {begun.episode}: {problem}")
        _order(client, RecordEpisode.Request.DISCARD)
        return False
    reward = 1.0 if outcome == RecordEpisode.Request.SUCCEEDED else 0.0
    ended = _order(client, RecordEpisode.Request.END, outcome=outcome, reward=reward)
    return _report(ended, tell, complain)


def _play(
    client: GraphClient, plan: RecordPlan, key: dict[str, Any], seed: int, complain: Callable[[str], None]
) -> tuple[str, int]:
    """Let the time of an episode pass; return what went wrong, or nothing, and RecordEpisode's outcome."""
    end = time.monotonic() + plan.duration
    if plan.policy:
        goal = PolicyGoalFields(
            **key, task=plan.task, duration=plan.duration, seed=seed, lockstep=True, stop_when=plan.success_when,
            keep_loaded=True,
        )  # fmt: skip
        result = run_policy(client, goal, complain)
        if result.termination_reason == "cancelled":
            raise KeyboardInterrupt  # run_policy takes the key press itself.
        if not result.success:
            return f"{result.termination_reason}: {result.message}", RecordEpisode.Request.UNKNOWN
        return "", _outcome(plan, result.termination_reason)
    if plan.lockstep:
        return _step(client, plan), RecordEpisode.Request.UNKNOWN
    return _wait(client, end), RecordEpisode.Request.UNKNOWN


def _wait(client: GraphClient, end: float) -> str:
    """Let time pass until `end` [s, steady time]; nothing goes wrong in it."""
    while time.monotonic() < end:
        client.spin_until(lambda: False, min(0.2, max(end - time.monotonic(), 0.0)))
    return ""


def _outcome(plan: RecordPlan, reason: str) -> int:
    """Return RecordEpisode's outcome of a policy that ran to its end."""
    if not plan.success_when:
        return int(RecordEpisode.Request.UNKNOWN)
    return int(RecordEpisode.Request.SUCCEEDED if reason == "condition_met" else RecordEpisode.Request.FAILED)


def _step(client: GraphClient, plan: RecordPlan) -> str:
    """Step a world in which nobody moves the robots, one frame at a time."""
    answer = client.call(StepWorld, "world/step", StepWorld.Request(client=CLIENT, steps=0), 10.0)
    if not answer.success:
        return str(answer.message)
    start = answer.stamp.sec + 1e-9 * answer.stamp.nanosec
    now = start
    while now < start + plan.duration - 1e-9:
        answer = client.call(StepWorld, "world/step", StepWorld.Request(client=CLIENT, steps=1), 30.0)
        if not answer.success:
            return str(answer.message)
        now = answer.stamp.sec + 1e-9 * answer.stamp.nanosec
    client.call(StepWorld, "world/step", StepWorld.Request(client=CLIENT, steps=0, release=True), 10.0)
    return ""


def _only_robot(client: GraphClient) -> str:
    from strands_robots.ros.robot.robot_discovery import robots_on_graph

    client.spin_until(lambda: bool(robots_on_graph(client.node)), 3.0)
    robots = robots_on_graph(client.node)
    if len(robots) != 1:
        raise WorldError(f"the graph has the robots {', '.join(robots) or 'none'}; valid: --robot names one")
    return robots[0]


def _order(client: GraphClient, command: int, **fields: Any) -> Any:
    request = RecordEpisode.Request(command=command, **fields)
    return client.call(RecordEpisode, "recorder/episode", request, EPISODE_TIMEOUT)

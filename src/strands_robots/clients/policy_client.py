"""Runs a policy as a client of the action server run_policy."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from strands_robots.action import RunPolicy
from strands_robots.clients.client import GraphClient
from strands_robots.clients.client_goal import ClientGoal, client_goal
from strands_robots.core.errors import PolicyError, StrandsRobotsError
from strands_robots.core.text import printable

FEEDBACK_PERIOD = 1.0
"""Shortest time between two lines of feedback [s]."""


@dataclass(frozen=True)
class PolicyGoalFields:
    """The fields of RunPolicy's goal; action/RunPolicy.action explains them."""

    robot: str
    policy: str
    config: str = ""
    task: str = ""
    rate: float = 0.0
    duration: float = 0.0
    steps: int = 0
    seed: int = 0
    lockstep: bool = False
    adapter: str = ""
    stop_when: str = ""
    blending: str = ""
    execute_rows: int = 0
    keep_loaded: bool = False
    success_when: str = ""


Attend = Callable[[Callable[[], bool], Callable[[], None]], None]
"""Called once the policy moves the robot, with what says whether the run is over and what cancels it."""


def run_policy(
    client: GraphClient,
    goal: PolicyGoalFields,
    tell: Callable[[str], None],
    attend: Attend | None = None,
    until: Callable[[], bool] = lambda: False,
) -> RunPolicy.Result:
    """Run a policy to its end and return its result; KeyboardInterrupt cancels it and still returns the result.

    Args:
        client: Client of the graph.
        goal: What to run.
        tell: Takes a line of progress, at most one a second.
        attend: Called in between, in this thread, when the first chunk is out.
        until: Asked often; once it is true the policy is cancelled.

    Raises:
        NoAnswerError: If policy_node is not there, or stops answering.
        PolicyError: If the goal is refused before it starts.
    """
    feedback = _PolicyFeedback(tell)
    refused = PolicyError(
        f"run_policy refused '{printable(goal.policy)}' on '{printable(goal.robot)}'; policy_node's log says why. "
        "Valid: a robot of the graph that runs no policy yet, and a limit in --duration or --steps"
    )
    gone = "policy_node is gone; the robot holds after the end of its chunk"
    with client_goal(
        client, RunPolicy, "run_policy", RunPolicy.Goal(**asdict(goal)), feedback, refused, gone
    ) as running:
        if attend is not None:
            _attend(running, feedback, attend, until)
        return running.result(tell, until).result


def _attend(running: ClientGoal, feedback: _PolicyFeedback, attend: Attend, until: Callable[[], bool]) -> None:
    """Call `attend` when the policy moves the robot; when it raises, the goal is cancelled."""
    running.follow(lambda: feedback.chunks > 0 or until())
    if running.is_over() or not feedback.chunks:
        return
    try:
        attend(running.is_over, running.cancel)
    except StrandsRobotsError:
        running.result(lambda _: None, until=lambda: True)
        raise


class _PolicyFeedback:
    def __init__(self, tell: Callable[[str], None]) -> None:
        self.chunks = 0
        self._tell = tell
        self._next = 0.0

    def __call__(self, feedback: RunPolicy.Feedback) -> None:
        self.chunks = int(feedback.chunks)
        now = time.monotonic()
        if now >= self._next:
            self._next = now + FEEDBACK_PERIOD
            self._tell(
                f"{feedback.elapsed:.1f} s, {feedback.chunks} chunks, {feedback.steps} rows, "
                f"inference {1e3 * feedback.inference_latency:.1f} ms, "
                f"observation {1e3 * feedback.observation_age:.1f} ms old"
            )

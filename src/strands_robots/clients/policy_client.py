"""Runs a policy as a client of the action server run_policy."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle

from strands_robots.action import RunPolicy
from strands_robots.clients.client import GraphClient, NoAnswerError
from strands_robots.core.errors import PolicyError, StrandsRobotsError
from strands_robots.core.text import printable
from strands_robots.ros.goals.goal_owners import owned_goal

FIND_TIMEOUT = 3.0
CANCEL_TIMEOUT = 5.0
POLL = 0.1
"""Time between two looks at whether a policy shall end before it is done [s]."""

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
    server = ActionClient(client.node, RunPolicy, "run_policy")
    try:
        if not client.spin_until(server.server_is_ready, FIND_TIMEOUT):
            raise NoAnswerError(client.absent("action server", "run_policy"))
        feedback = _PolicyFeedback(tell)
        with owned_goal(client.node) as goal_id:
            accepted = server.send_goal_async(
                RunPolicy.Goal(**asdict(goal)), feedback_callback=feedback, goal_uuid=goal_id
            )
            if not client.spin_until(accepted.done, FIND_TIMEOUT):
                raise NoAnswerError(f"run_policy did not answer the goal within {FIND_TIMEOUT:g} s")
            handle: ClientGoalHandle = accepted.result()
            if not handle.accepted:
                raise PolicyError(
                    f"run_policy refused '{printable(goal.policy)}' on '{printable(goal.robot)}'; policy_node's log "
                    "says why. Valid: a robot of the graph that runs no policy yet, and a limit in --duration or --steps"
                )
            return _result(client, server, handle, tell, feedback, attend, until)
    finally:
        server.destroy()


def _result(
    client: GraphClient, server: ActionClient, handle: ClientGoalHandle, tell: Callable[[str], None], feedback: _PolicyFeedback,
    attend: Attend | None, until: Callable[[], bool],
) -> RunPolicy.Result:  # fmt: skip
    future = handle.get_result_async()
    try:
        if attend is not None:
            _attend(client, server, handle, feedback, attend, until, future)
        while not client.spin_until(future.done, POLL):
            if until():
                return _cancelled(client, handle, future)
            if not server.server_is_ready():
                raise NoAnswerError("policy_node is gone; the robot holds after the end of its chunk")
    except KeyboardInterrupt:
        tell("cancelling")
        return _cancelled(client, handle, future)
    return future.result().result


def _cancelled(client: GraphClient, handle: ClientGoalHandle, future: Any) -> RunPolicy.Result:
    handle.cancel_goal_async()
    if not client.spin_until(future.done, CANCEL_TIMEOUT):
        raise NoAnswerError(
            f"policy_node did not confirm the cancelling within {CANCEL_TIMEOUT:g} s; strands-robots estop stops"
        )
    return future.result().result


def _attend(
    client: GraphClient,
    server: ActionClient,
    handle: ClientGoalHandle,
    feedback: _PolicyFeedback,
    attend: Attend,
    until: Callable[[], bool],
    future: Any,
) -> None:
    """Call `attend` when the policy moves the robot; when it raises, the goal is cancelled."""
    while not client.spin_until(lambda: future.done() or feedback.chunks > 0, POLL):
        if until():
            return
        if not server.server_is_ready():
            raise NoAnswerError("policy_node is gone; the robot holds after the end of its chunk")
    if future.done():
        return

    def cancel() -> None:
        handle.cancel_goal_async()

    try:
        attend(future.done, cancel)
    except StrandsRobotsError:
        handle.cancel_goal_async()
        client.spin_until(future.done, CANCEL_TIMEOUT)
        raise


class _PolicyFeedback:
    def __init__(self, tell: Callable[[str], None]) -> None:
        self.chunks = 0
        self._tell = tell
        self._next = 0.0

    def __call__(self, message: RunPolicy.Impl.FeedbackMessage) -> None:
        self.chunks = int(message.feedback.chunks)
        now = time.monotonic()
        if now >= self._next:
            self._next = now + FEEDBACK_PERIOD
            feedback = message.feedback
            self._tell(
                f"{feedback.elapsed:.1f} s, {feedback.chunks} chunks, {feedback.steps} rows, "
                f"inference {1e3 * feedback.inference_latency:.1f} ms, "
                f"observation {1e3 * feedback.observation_age:.1f} ms old"
            )

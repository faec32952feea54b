"""Goals that an agent started: their ids, feedback and ends. They end when the agent does."""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from rclpy.action import ActionClient
from unique_identifier_msgs.msg import UUID

from strands_robots.agent.tools.arguments import nearest
from strands_robots.agent.tools.call import ends_with_call
from strands_robots.agent.tools.endpoint import Endpoint
from strands_robots.agent.tools.tool_answer import ToolAnswer, data_answer, error_answer
from strands_robots.clients.client import NoAnswerError
from strands_robots.clients.graph_calls import GOAL_STATES
from strands_robots.clients.spun_client import SpunClient, result_of, wait_until
from strands_robots.ros.goals.goal_owners import GoalBeats
from strands_robots.ros.messages.message_values import plain_values

FIND_TIMEOUT = 5.0
MOST_KEPT = 64
LONGEST_LIST = 2000


@dataclass
class SentGoal:
    """One goal; `ended` is set once `state` and `result` are final, `is_told` once the agent has been told so."""

    goal_id: str
    name: str
    handle: Any = None
    feedback: Any = None
    state: str = "running"
    result: Any = None
    ended: threading.Event = field(default_factory=threading.Event)
    is_told: bool = False


class AgentGoals:
    """Starts, watches and cancels goals. May be used by several threads.

    Args:
        client: The way to the graph.
    """

    def __init__(self, client: SpunClient) -> None:
        self._client = client
        self._beats = GoalBeats(client.node)
        self._servers: dict[str, ActionClient] = {}
        self._goals: OrderedDict[str, SentGoal] = OrderedDict()
        self._lock = threading.Lock()

    def sibling(self) -> AgentGoals:
        """Return the goals of another asker over the same client: it sees and cancels only its own."""
        made = AgentGoals.__new__(AgentGoals)
        made._client, made._beats, made._servers, made._lock = self._client, self._beats, self._servers, self._lock
        made._goals = OrderedDict()
        return made

    def own(self, identity: str) -> None:
        """Say from now on that the owner of this lives (32 hex digits): a recording ends with its owner."""
        self._beats.keep(identity)

    def start(self, endpoint: Endpoint, kind: Any, message: Any, wait: float) -> ToolAnswer:
        """Send a goal that has been admitted, and wait for its end at most so long [s].

        Raises:
            NoAnswerError: If the server is not there or does not take it.
        """
        return self.state(self.send(endpoint, kind, message).goal_id, wait, False)

    def send(self, endpoint: Endpoint, kind: Any, message: Any, goal_id: str = "") -> SentGoal:
        """Send a goal, with an id of the caller's where one is given (32 hex digits), and return it; raises as `start`."""
        server = self._server(endpoint, kind)
        if not wait_until(server.server_is_ready, FIND_TIMEOUT):
            raise NoAnswerError(self._client.graph.absent("action server", endpoint.name))
        goal = SentGoal(goal_id or uuid.uuid4().hex, endpoint.name)
        self._beats.keep(goal.goal_id)
        try:
            sent = self._client.in_executor(
                lambda: server.send_goal_async(
                    message,
                    feedback_callback=lambda heard: setattr(goal, "feedback", heard.feedback),
                    goal_uuid=UUID(uuid=list(uuid.UUID(goal.goal_id).bytes)),
                ),
                endpoint.name,
            )
            goal.handle = result_of(sent, FIND_TIMEOUT, endpoint.name)
            if not goal.handle.accepted:
                raise NoAnswerError(f"{endpoint.name} refused the goal; its node's log says why")
        except NoAnswerError:
            self._beats.drop(goal.goal_id)
            raise
        self._keep(goal)
        ends_with_call(lambda: self.abandon(goal))
        ended = self._client.in_executor(goal.handle.get_result_async, endpoint.name)
        ended.add_done_callback(lambda future: self._on_end(goal, future))
        return goal

    def cancel(self, goal: SentGoal) -> None:
        """Ask for the end of a goal."""
        self._client.in_executor(goal.handle.cancel_goal_async, goal.name)

    def abandon(self, goal: SentGoal) -> None:
        """End a goal whose caller is gone; without beats its server ends it also where the cancelling gets lost."""
        if not goal.ended.is_set():
            try:
                self.cancel(goal)
            except NoAnswerError:
                pass  # The beats end it.
            self._beats.drop(goal.goal_id)

    def state(self, goal_id: str, wait: float, cancel: bool) -> ToolAnswer:
        """Return a goal's state, progress and result."""
        with self._lock:
            fitting = [known for known in self._goals if goal_id and known.startswith(goal_id)]
            goal = self._goals[fitting[0]] if len(fitting) == 1 else None
        if goal is None:
            near = nearest(goal_id, list(self._goals)) or list(self._goals)[-5:]
            return error_answer("unknown_goal", f"no goal of this agent has the id '{goal_id[:40]}'", goals=near)
        if cancel and not goal.ended.is_set():
            self.cancel(goal)
        elif wait > 0.0:
            ends_with_call(lambda: self.abandon(goal))
        goal.is_told = goal.ended.wait(wait)
        return _answer(goal, cancel)

    def is_told(self, goal_id: str) -> bool:
        """Return whether a goal was started here and its end has been told."""
        with self._lock:
            goal = self._goals.get(goal_id)
        return goal is not None and goal.is_told

    def is_running(self) -> bool:
        """Return whether a goal that was started here runs."""
        with self._lock:
            return any(not goal.ended.is_set() for goal in self._goals.values())

    def cancel_all(self, wait: float = 2.0) -> int:
        """Cancel every goal that runs and return how many have not ended in time [s]."""
        with self._lock:
            running = [goal for goal in self._goals.values() if not goal.ended.is_set()]
        for goal in running:
            self.cancel(goal)
        deadline = time.monotonic() + wait
        return sum(not goal.ended.wait(max(deadline - time.monotonic(), 0.0)) for goal in running)

    def _server(self, endpoint: Endpoint, kind: Any) -> ActionClient:
        with self._lock:
            if endpoint.name not in self._servers:
                self._servers[endpoint.name] = ActionClient(self._client.node, kind, "/" + endpoint.name)
            return self._servers[endpoint.name]

    def _keep(self, goal: SentGoal) -> None:
        with self._lock:
            self._goals[goal.goal_id] = goal
            over = [known for known, entry in self._goals.items() if entry.ended.is_set()]
            for known in over[: max(len(self._goals) - MOST_KEPT, 0)]:
                del self._goals[known]

    def _on_end(self, goal: SentGoal, future: Any) -> None:
        answer = future.result()
        goal.state = GOAL_STATES.get(answer.status, str(answer.status))
        goal.result = answer.result
        self._beats.drop(goal.goal_id)
        goal.ended.set()


def _answer(goal: SentGoal, cancelled: bool) -> ToolAnswer:
    """Return what became of a goal. It is an error where it did not do what it was started, or cancelled, for."""
    values: dict[str, Any] = {"goal_id": goal.goal_id, "action": goal.name, "state": goal.state}
    if not goal.ended.is_set():
        values |= {"feedback": plain_values(goal.feedback, LONGEST_LIST)} if goal.feedback is not None else {}
        words = "has not ended yet" if cancelled else "still runs, so nothing is known of its result"
        values["next"] = f"it {words}; goal_status with this goal_id and a wait [s] tells its end"
        return data_answer(values, is_error=cancelled)
    values["result"] = plain_values(goal.result, LONGEST_LIST)
    if cancelled:
        return data_answer(values)
    is_done = goal.state == "succeeded" and getattr(goal.result, "success", True) is True
    return data_answer(values, is_error=not is_done)

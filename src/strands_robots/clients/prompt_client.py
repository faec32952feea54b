"""Prompts an agent of the graph and hears every step of its turns; for `strands-robots chat`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from strands_robots.action import PromptAgent
from strands_robots.agent.conversation.turn import Step, TurnEnd
from strands_robots.agent.tools.endpoint import Endpoint
from strands_robots.clients.agent_goals import AgentGoals, SentGoal
from strands_robots.clients.client import NoAnswerError
from strands_robots.clients.graph_survey import action_types
from strands_robots.clients.spun_client import SpunClient, wait_until
from strands_robots.msg import AgentEvent
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.agent_messages import step_from_msg

DISCOVERY_TIME = 3.0


class PromptClient:
    """A client of one agent. Its prompts end with it: agent_node cancels a turn whose client is gone.

    Args:
        namespace: Namespace of the graph.
        agent: Name of the agent.
        on_step: Takes turn id and step of every turn of the agent, in the client's thread; it must not wait.

    Raises:
        ConfigurationError: If ROS refuses to start.
    """

    def __init__(self, namespace: str, agent: str, on_step: Callable[[str, Step], None]) -> None:
        self._client = SpunClient(namespace)
        self._goals = AgentGoals(self._client)
        prefix = self._client.node.get_namespace().strip("/")
        name = f"{prefix}/{agent}/prompt" if prefix else f"{agent}/prompt"
        self._endpoint = Endpoint(name, "strands_robots/action/PromptAgent")
        self._on_step = on_step
        self._asked: set[bytes] = set()
        self._events = f"{agent}/events"
        self._client.node.create_subscription(AgentEvent, self._events, self._on_event, qos.AGENT_EVENTS)
        # The first steps of a turn are not lost to discovery.
        wait_until(lambda: bool(self._agents()), DISCOVERY_TIME)

    def close(self) -> None:
        """Cancel a turn that was begun here, then leave the graph."""
        self._goals.cancel_all(1.0)
        self._client.close()

    def send(self, prompt: str, source: str, session: str, take_over: bool, turn_id: str) -> SentGoal:
        """Send a prompt that begins the turn `turn_id` (32 hex digits); raises NoAnswerError when there is no such agent."""
        goal = PromptAgent.Goal(prompt=prompt, source=source, session=session, take_over=take_over)
        try:
            sent = self._goals.send(self._endpoint, PromptAgent, goal, turn_id)
        except NoAnswerError as error:
            raise NoAnswerError(f"{error}; an agent needs --agent at the start of the graph") from error
        self._asked = self._agents()
        return sent

    def cancel(self, goal: SentGoal) -> None:
        """Cancel a turn, and every goal of the agent with it."""
        self._goals.cancel(goal)

    def end(self, goal: SentGoal, timeout: float) -> TurnEnd | None:
        """Return how a turn ended; None when it has not within the timeout [s]."""
        if not goal.ended.wait(timeout):
            return None
        result = goal.result
        return TurnEnd(
            result.termination_reason, result.message, result.tool_calls, result.input_tokens, result.output_tokens,
            result.elapsed,
        )  # fmt: skip

    def is_ready(self) -> bool:
        """Return whether the agent takes prompts and hears its events: its action server is the last thing that it makes."""
        return f"/{self._endpoint.name}" in action_types(self._client.graph)

    def is_there(self) -> bool:
        """Return whether the process that was asked last is on the graph; one that was started again is another."""
        found = self._agents()
        self._asked = self._asked or found
        return not self._asked or bool(self._asked & found)

    def _agents(self) -> set[bytes]:
        """Return the identities of the processes that say what the agent does."""
        topic = self._client.node.resolve_topic_name(self._events)
        return {bytes(info.endpoint_gid) for info in self._client.node.get_publishers_info_by_topic(topic)}

    def _on_event(self, message: Any) -> None:
        step = step_from_msg(message)
        if step is not None:
            self._on_step(message.turn, step)

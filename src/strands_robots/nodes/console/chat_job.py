"""One prompt to an agent of the graph, whose answer goes on whatever pages are open."""

from __future__ import annotations

import threading
import time
from typing import Any

from rclpy.node import Node
from strands_robots.action import PromptAgent
from strands_robots.msg import AgentEvent

from strands_robots.agent.conversation.turn import StepKind
from strands_robots.clients.client_goal import client_goal
from strands_robots.console.chat import Conversation
from strands_robots.console.orders import Prompt
from strands_robots.core.errors import NoAnswerError, StrandsRobotsError
from strands_robots.nodes.console.jobs import InterruptibleClient
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.agent_messages import step_from_msg

LAST_STEPS = 2.0
"""A turn's steps come by another way than its result, so the last of them may come after it, by so much [s]."""

_WITHOUT_STEPS = ("busy", "refused")
"""Reasons of turns that never began."""


class ChatJob:
    """One turn.

    Args:
        beside: A node of this process.
        order: What is asked.
        source: Who asks.
        conversation: Takes every step.
    """

    def __init__(self, beside: Node, order: Prompt, source: str, conversation: Conversation) -> None:
        self._order, self._source, self._conversation = order, source, conversation
        self._client = InterruptibleClient(beside, f"{beside.get_name()}_chat_{time.monotonic_ns()}")
        conversation.begin(order.agent, order.text)
        self._is_over = self._has_end = False
        self._turn = ""
        self._early: list[AgentEvent] = []
        self._waiting: dict[int, AgentEvent] = {}
        self._next = 0
        self._thread = threading.Thread(target=self._run, name="chat", daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """True once the turn has ended."""
        return self._is_over

    def cancel(self) -> None:
        """End the turn, and every goal that the agent has started in it."""
        self._client.interrupt()

    def _run(self) -> None:
        try:
            result = self._ask()
            self._conversation.end(result.termination_reason, result.message)
        except StrandsRobotsError as error:
            self._conversation.end("failed", str(error))
        except KeyboardInterrupt:
            self._conversation.end("cancelled", "cancelled before it began")
        finally:
            self._is_over = True
            self._client.close()

    def _ask(self) -> Any:
        agent = self._order.agent
        goal = PromptAgent.Goal(prompt=self._order.text, source=self._source, session="main")
        refused = NoAnswerError(f"agent '{agent}' refused the prompt")
        gone = f"agent '{agent}' is gone; its goals end by themselves"
        # By two ways: rclpy drops feedback that comes after the result, and a new subscription may miss the first events.
        self._client.node.create_subscription(AgentEvent, f"{agent}/events", self._on_event, qos.AGENT_EVENTS)
        with client_goal(
            self._client, PromptAgent, f"{agent}/prompt", goal, lambda feedback: self._on_event(feedback.event), refused, gone
        ) as running:  # fmt: skip
            self._turn = running.id
            for event in self._early:
                self._on_event(event)
            result = running.result(lambda line: None).result
            if result.termination_reason not in _WITHOUT_STEPS:
                self._client.spin_until(lambda: self._has_end, LAST_STEPS)
            for sequence in sorted(self._waiting):  # One before them was lost.
                self._take(self._waiting[sequence])
            return result

    def _on_event(self, event: AgentEvent) -> None:
        """Take each step of the turn once, in order."""
        if not self._turn:
            self._early.append(event)
        elif event.turn == self._turn and event.sequence >= self._next:
            self._waiting[event.sequence] = event
        while self._next in self._waiting:
            self._take(self._waiting.pop(self._next))
            self._next += 1

    def _take(self, event: AgentEvent) -> None:
        step = step_from_msg(event)
        if step is not None:
            self._conversation.take(step)
            self._has_end = self._has_end or step.kind is StepKind.END

"""One prompt to an agent of the graph, whose answer goes on whatever pages are open."""

from __future__ import annotations

import threading
import time
from typing import Any

from rclpy.node import Node
from strands_robots.action import PromptAgent

from strands_robots.clients.client_goal import client_goal
from strands_robots.console.chat import Conversation
from strands_robots.console.orders import Prompt
from strands_robots.core.errors import NoAnswerError, StrandsRobotsError
from strands_robots.nodes.console.jobs import InterruptibleClient
from strands_robots.ros.messages.agent_messages import step_from_msg


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
        self._is_over = False
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
        with client_goal(
            self._client, PromptAgent, f"{agent}/prompt", goal, self._on_feedback, refused, gone
        ) as running:
            return running.result(lambda line: None).result

    def _on_feedback(self, feedback: Any) -> None:
        step = step_from_msg(feedback.event)
        if step is not None:
            self._conversation.take(step)

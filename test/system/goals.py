"""An action client for tests whose client node is spun by another thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graph import Client, wait_for
from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle


class Goals:
    """Sends goals to one action server.

    Args:
        client: The client node.
        kind: The action.
        name: Its name.
        server: Who serves it, for messages.
    """

    def __init__(self, client: Client, kind: Any, name: str, server: str) -> None:
        self._client = client
        self._server = server
        self._actions = ActionClient(client, kind, name)
        wait_for(self._actions.server_is_ready, 30.0, server)

    def begin(self, goal: Any, on_feedback: Callable[[Any], None]) -> tuple[ClientGoalHandle, Any]:
        """Return the handle of a goal, once it is accepted, and the future of its result."""

        # rclpy loses the answer to a goal that is sent by another thread than the one that spins.
        def send() -> Any:
            return self._actions.send_goal_async(goal, feedback_callback=lambda message: on_feedback(message.feedback))

        handle: ClientGoalHandle = self._wait(self._wait(self._spin(send)))
        assert handle.accepted
        return handle, self._wait(self._spin(handle.get_result_async))

    def _spin(self, call: Any) -> Any:
        executor = self._client.executor
        assert executor is not None
        task = executor.create_task(call)
        executor.wake()
        return task

    def _wait(self, future: Any) -> Any:
        wait_for(future.done, 20.0, f"{self._server}'s answer")
        return future.result()

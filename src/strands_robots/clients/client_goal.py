"""A goal that a program of the command line sends, follows and cancels; it ends with the program, whatever ends that."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from rclpy.action import ActionClient

from strands_robots.clients.client import GraphClient, NoAnswerError
from strands_robots.core.errors import StrandsRobotsError
from strands_robots.ros.goals.goal_owners import owned_goal

FIND_TIMEOUT = 5.0
CANCEL_TIMEOUT = 5.0
POLL = 0.1
"""Time between two looks at whether a goal shall end before it is done [s]."""


class ClientGoal:
    """A goal that its server has accepted; `client_goal` makes it.

    Args:
        client: Client of the graph.
        server: The action server.
        name: Its name.
        handle: The accepted goal.
        gone: What to say when the server is gone.

    Attributes:
        id: The goal's id, in hexadecimal digits.
    """

    def __init__(self, client: GraphClient, server: ActionClient, name: str, handle: Any, gone: str) -> None:
        self._client, self._server, self._name, self._handle, self._gone = client, server, name, handle, gone
        self._future = handle.get_result_async()
        self.id = bytes(handle.goal_id.uuid).hex()

    def is_over(self) -> bool:
        """Whether the result is there."""
        return bool(self._future.done())

    def follow(self, until: Callable[[], bool], wait: float = POLL) -> None:
        """Return once the goal is over or `until` is true, which is asked every `wait` seconds.

        Raises:
            NoAnswerError: If the server is gone.
        """
        while not self._client.spin_until(self._future.done, wait) and not until():
            if not self._server.server_is_ready():
                raise NoAnswerError(self._gone)

    def cancel(self) -> None:
        """Ask for the end; does not wait."""
        self._handle.cancel_goal_async()

    def result(self, tell: Callable[[str], None], until: Callable[[], bool] = lambda: False) -> Any:
        """Return the response of the action's GetResult, with `status` and `result`.

        KeyboardInterrupt, or `until` that has become true, cancels the goal; its result is returned all the same.

        Raises:
            NoAnswerError: If the server is gone, or does not confirm the cancelling.
        """
        try:
            self.follow(until)
        except KeyboardInterrupt:
            tell("cancelling")
        if not self.is_over():
            self.cancel()
            if not self._client.spin_until(self._future.done, CANCEL_TIMEOUT):
                raise NoAnswerError(
                    f"{self._name} did not confirm the cancelling within {CANCEL_TIMEOUT:g} s; strands-robots estop stops"
                )
        return self._future.result()


@contextlib.contextmanager
def client_goal(
    client: GraphClient, kind: Any, name: str, goal: Any, on_feedback: Callable[[Any], None], refused: StrandsRobotsError, gone: str,
) -> Iterator[ClientGoal]:  # fmt: skip
    """Send a goal; servers of this package end it when this process is gone (`owned_goal`).

    Args:
        client: Client of the graph.
        kind: The action.
        name: Name of its server.
        goal: The goal.
        on_feedback: Takes each feedback.
        refused: Raised when the server refuses the goal.
        gone: What to say when the server goes away.

    Raises:
        NoAnswerError: If the server is not there, or does not answer.
    """
    server = ActionClient(client.node, kind, name)
    try:
        if not client.spin_until(server.server_is_ready, FIND_TIMEOUT):
            raise NoAnswerError(client.absent("action server", name))
        with owned_goal(client.node) as goal_id:
            accepted = server.send_goal_async(
                goal, feedback_callback=lambda message: on_feedback(message.feedback), goal_uuid=goal_id
            )
            if not client.spin_until(accepted.done, FIND_TIMEOUT):
                raise NoAnswerError(f"{name} did not answer the goal within {FIND_TIMEOUT:g} s")
            handle = accepted.result()
            if not handle.accepted:
                raise refused
            yield ClientGoal(client, server, name, handle, gone)
    finally:
        server.destroy()

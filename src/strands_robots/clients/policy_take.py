"""One episode of a policy in real time: it begins when the policy moves the robot, and is as long as was asked for.

The policy is loaded before. The goal runs a little longer than the episode and is cancelled at its end, so that neither loading, nor the
first inference, nor the way of the orders becomes motionless or missing frames.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from strands_robots.clients.client import GraphClient
from strands_robots.core.errors import NoAnswerError, WorldError
from strands_robots.core.text import printable
from strands_robots.msg import EpisodeState
from strands_robots.ros.messages.stamps import to_seconds
from strands_robots.srv import LoadPolicy, RecordEpisode

GOAL_SLACK = 4.0
"""The goal is so much longer than the episode [s, ROS time]: the recorder waits up to 3 s for its streams before it begins."""

LOAD_TIMEOUT = 600.0
UNLOAD_TIMEOUT = 10.0
EPISODE_TIMEOUT = 300.0
LONGEST_LOOK = 0.25
SHORTEST_LOOK = 0.003
EARLY = 0.25
"""Part of a frame by which the end is ordered early: the order is on its way for some milliseconds."""


class RecorderOrders:
    """Orders to recorder_node through one client: finding the service again for each would cost frames.

    Args:
        client: Client of the graph.
    """

    def __init__(self, client: GraphClient) -> None:
        self._client = client
        self._service = client.node.create_client(RecordEpisode, "recorder/episode")

    def order(self, command: int, **fields: Any) -> Any:
        """Return the recorder's response.

        Raises:
            NoAnswerError: If it does not answer.
        """
        if not self._client.spin_until(self._service.service_is_ready, 3.0):
            raise NoAnswerError(self._client.absent("service", self._service.srv_name))
        future = self._service.call_async(RecordEpisode.Request(command=command, **fields))
        if not self._client.spin_until(future.done, EPISODE_TIMEOUT):
            raise NoAnswerError(f"{self._service.srv_name} did not answer within {EPISODE_TIMEOUT:g} s")
        return future.result()

    def close(self) -> None:
        """Let go of the client."""
        self._client.node.destroy_client(self._service)


class PolicyTake:
    """One episode that is recorded while a policy runs.

    Args:
        client: Client of the graph.
        orders: The way to the recorder.
        duration: Length of the episode [s, ROS time].
        fps: Frames a second [Hz].
        provenance: Of the episode, JSON.
        outcome: RecordEpisode's outcome of an episode that runs to its end.
        on_begin: Takes the recorder's state when the episode has begun.
        is_ended: Says that the episode shall end, or has ended, before its time.
        is_kept: Says that the episode is ended by an order of this client's; else it is left as it is.

    Attributes:
        begun: The recorder's answer to BEGIN; None before.
        ended: Its answer to END; None before, or where the policy ended by itself.
    """

    def __init__(
        self, client: GraphClient, orders: RecorderOrders, duration: float, fps: int, provenance: str, outcome: int,
        on_begin: Callable[[EpisodeState], None], is_ended: Callable[[], bool], is_kept: Callable[[], bool],
    ) -> None:  # fmt: skip
        self.begun: Any = None
        self.ended: Any = None
        self._client = client
        self._orders = orders
        self._length = duration - EARLY / fps
        self._provenance = provenance
        self._outcome = outcome
        self._on_begin, self._is_ended, self._is_kept = on_begin, is_ended, is_kept
        self._end = 0.0

    def attend(self, is_over: Callable[[], bool], cancel: Callable[[], None]) -> None:
        """Record from now, the robot's first motion, to the end; called by `run_policy` with the goal's state.

        Raises:
            WorldError: If no episode can begin.
        """
        self.begun = self._orders.order(RecordEpisode.Request.BEGIN, provenance=self._provenance)
        if not self.begun.success:
            raise WorldError(self.begun.message)
        self._end = to_seconds(self.begun.state.header.stamp) + self._length
        self._on_begin(self.begun.state)
        self.attend_again(is_over, cancel)

    def attend_again(self, is_over: Callable[[], bool], cancel: Callable[[], None]) -> None:
        """Go on with the episode to its end, after a correction; called by `run_policy` as `attend`."""
        self.wait(lambda: is_over() or self._is_ended())
        if is_over():
            return
        cancel()
        if self._is_kept():
            self.ended = self._orders.order(RecordEpisode.Request.END, outcome=self._outcome)

    def left(self) -> float:
        """Return how much of the episode is left, in the recorder's time [s]; 0 where it is not recorded any more."""
        state = self._orders.order(RecordEpisode.Request.STATE).state
        return self._end - to_seconds(state.header.stamp) if state.state == state.RECORDING else 0.0

    def wait(self, is_over: Callable[[], bool] = lambda: False) -> None:
        """Return at the end of the episode in the recorder's time, or when `is_over` says so."""
        while not is_over():
            state = self._orders.order(RecordEpisode.Request.STATE).state
            left = self._end - to_seconds(state.header.stamp)
            if left <= 0.0 or state.state != state.RECORDING:
                return
            self._client.spin_until(is_over, min(max(0.4 * left, SHORTEST_LOOK), LONGEST_LOOK))


def load_policy(client: GraphClient, tell: Callable[[str], None], **key: Any) -> None:
    """Have policy_node make a policy before it is needed.

    Args:
        client: Client of the graph.
        tell: Takes a line about it.
        key: Fields of LoadPolicy: robot, policy, config, adapter, rate.

    Raises:
        WorldError: If it cannot be made; the message says why.
    """
    answer = client.call(LoadPolicy, "policies/load", LoadPolicy.Request(**key), LOAD_TIMEOUT)
    if not answer.success:
        raise WorldError(f"policy '{printable(key['policy'])}' cannot be loaded: {answer.message}")
    tell(f"{answer.message} in {answer.elapsed:.1f} s, on {answer.device}")
    for line in answer.description.splitlines():
        if line.startswith("note: "):
            tell(f"  {line}")


def unload_policy(client: GraphClient, **key: Any) -> None:
    """Have policy_node let go of a policy that is kept loaded; one that is not kept, or whose node is gone, is no fault."""
    with contextlib.suppress(NoAnswerError):
        client.call(LoadPolicy, "policies/load", LoadPolicy.Request(unload=True, **key), UNLOAD_TIMEOUT)

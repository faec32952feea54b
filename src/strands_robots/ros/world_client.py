"""The simulated world as a client in another thread than the executor's sees it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from rclpy.node import Node

from strands_robots.errors import WorldError
from strands_robots.motion.chunk import Chunk
from strands_robots.policies.lockstep import StepAnswer
from strands_robots.ros.conversions import chunk_to_msg, observation_from_joint_state
from strands_robots.srv import GetWorldState, StepWorld

DISCOVERY_TIMEOUT = 2.0
ANSWER_TIMEOUT = 30.0


class WorldClient:
    """Calls world/step and world/get_state for one robot and waits; not to be used from the executor's thread.

    Args:
        node: The node; its namespace is the graph's.
        robot: The robot whose state is returned and whose gate gets the chunks.
        on_progress: Called by `report_progress`.
    """

    def __init__(self, node: Node, robot: str, on_progress: Callable[[], None]) -> None:
        self._node = node
        self._robot = robot
        self._on_progress = on_progress
        self._step = node.create_client(StepWorld, "world/step")
        self._state = node.create_client(GetWorldState, "world/get_state")

    def has_world(self) -> bool:
        """Return whether a simulated world serves this graph."""
        return bool(self._state.service_is_ready())

    def mode(self) -> tuple[str, float]:
        """Return the world's mode and control period [s].

        Raises:
            WorldError: If no world answers.
        """
        answer = self._call(self._state, "world/get_state", GetWorldState.Request())
        return answer.mode, answer.control_period

    def step(self, client: str, steps: int, chunk: Chunk | None, *, release: bool = False) -> StepAnswer:
        """Advance the world; see `policies.lockstep.WorldLink`.

        Raises:
            WorldError: If no world answers.
        """
        request = StepWorld.Request(client=client, steps=steps, release=release)
        if chunk is not None:
            request.chunk_robots, request.chunks = [self._robot], [chunk_to_msg(chunk)]
        answer = self._call(self._step, "world/step", request)
        observation = applied = None
        if self._robot in answer.robots:
            i = list(answer.robots).index(self._robot)
            observation = observation_from_joint_state(answer.joint_states[i])
            done = answer.applied[i]
            applied = (done.source, done.sequence, tuple(done.joint_names), np.array(done.values, dtype=np.float64))
        return StepAnswer(answer.success, answer.message, tuple(answer.refusals), observation, applied)

    def report_progress(self) -> None:
        """Publish the action's feedback."""
        self._on_progress()

    def close(self) -> None:
        """Free the clients; call from the executor's thread."""
        self._node.destroy_client(self._step)
        self._node.destroy_client(self._state)

    def _call(self, client: Any, name: str, request: Any) -> Any:
        if not client.wait_for_service(DISCOVERY_TIMEOUT):
            raise WorldError(f"nobody serves {name}; valid: lockstep needs a simulated world")
        answered = threading.Event()
        future = client.call_async(request)
        future.add_done_callback(lambda _: answered.set())
        if not answered.wait(ANSWER_TIMEOUT):
            raise WorldError(f"{name} has not answered for {ANSWER_TIMEOUT} s")
        return future.result()

"""The service policies/load: a policy is made before a goal needs it, for a robot of the graph, or let go of."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import Any

from rclpy.node import Node
from strands_robots.srv import LoadPolicy

from strands_robots.core.errors import ConfigurationError, PolicyError, UnknownNameError
from strands_robots.core.futures import resolve
from strands_robots.core.stepping import LOCKSTEP
from strands_robots.core.types import Instant
from strands_robots.nodes.policy.policy_robot import PolicyRobot
from strands_robots.policies.check.describe import describe_policy
from strands_robots.policies.host.host import Patience
from strands_robots.policies.host.opening import PolicyKey, PolicyShelf
from strands_robots.policies.run.goal_fields import PolicyGoal
from strands_robots.policies.run.policy_goal import PolicySession
from strands_robots.ros.calls.deferred_service import create_deferred_service
from strands_robots.ros.goals.world_client import WorldClient, WorldClients
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.process.polled_clock import ros_time
from strands_robots.ros.robot.robot_discovery import await_robots, cameras_for_policy

DISCOVERY_WAIT = 1.0
"""How long a robot may take to be found on the graph [s, steady time]."""

FIRST_DISCOVERY_WAIT = 5.0
"""The same while no robot at all is found, because this node may have started just now [s, steady time]."""

OBSERVATION_WAIT = 3.0
"""How long a robot may take to be heard [s, steady time]."""


def find_robot(node: Node, session: PolicySession) -> None:
    """Return when the session's robot is on the graph; one that has just started is waited for. Not for the executor's thread.

    Raises:
        UnknownNameError: If it is not there; the message names those that are.
    """
    robots = await_robots(node, session.goal.robot, DISCOVERY_WAIT, FIRST_DISCOVERY_WAIT, session.run.has_ended)
    if session.goal.robot not in robots:
        raise UnknownNameError("robot", session.goal.robot, robots)


class LoadPolicyService:
    """Serves policies/load. Loading happens in a thread for each request; the executor goes on.

    Args:
        node: The node; its namespace is the graph's.
        shelf: Where loaded policies wait.
        patience: How long one may take.
        world: The world's services, for one in lockstep, which publishes nothing before a step.
    """

    def __init__(self, node: Node, shelf: PolicyShelf, patience: Patience, world: WorldClients) -> None:
        self._node = node
        self._world = world
        self._shelf = shelf
        self._patience = patience
        create_deferred_service(
            node, LoadPolicy, "policies/load", self._on_request,
            lambda message: LoadPolicy.Response(success=False, message=clip(message, 4096)),
        )  # fmt: skip

    def _on_request(self, request: Any) -> Future[Any]:
        key = PolicyKey(request.robot, request.policy, request.config, request.adapter, request.rate)
        answer: Future[Any] = Future()
        if request.unload:
            answer.set_result(self._unload(key))
            return answer
        now = Instant(ros_time(self._node), time.monotonic())
        goal = PolicyGoal(
            f"load-{time.time_ns():x}", key.robot, key.policy, key.config, rate=key.rate, steps=1, adapter=key.adapter,
            keep_loaded=True,
        )  # fmt: skip
        session = PolicySession(goal, now, self._shelf, self._patience)
        link = PolicyRobot(self._node, session, None)
        threading.Thread(
            target=lambda: resolve(answer, lambda: self._load(session, link)), name="load policy", daemon=True
        ).start()
        return answer

    def _unload(self, key: PolicyKey) -> LoadPolicy.Response:
        host = self._shelf.take(key)
        if host is None:
            kept = ", ".join(f"{key.policy} for {key.robot}" for key in self._shelf.kept()) or "none"
            raise ConfigurationError(
                f"policy '{key.policy}' with these settings is not loaded for '{key.robot}'; loaded: {kept}"
            )
        host.close()
        return LoadPolicy.Response(success=True, message=f"unloaded '{key.policy}'")

    def _ask_world(self, session: PolicySession) -> None:
        """Have a world in lockstep say where the robot is."""
        world = WorldClient(self._world, session.goal.robot, lambda: None)
        if not world.has_world() or world.mode()[0] != LOCKSTEP:
            return
        client = f"policy/{session.goal.goal_id}"
        observation = world.step(client, 0, None).observation
        world.step(client, 0, None, release=True)
        if observation is not None:
            session.on_observation(observation, Instant(observation.stamp, time.monotonic()))

    def _load(self, session: PolicySession, link: PolicyRobot) -> LoadPolicy.Response:
        begin = time.monotonic()
        try:
            find_robot(self._node, session)
            session.cameras = cameras_for_policy(self._node, session.goal.robot)
            self._ask_world(session)
            with session.changed:
                if not session.changed.wait_for(lambda: session.run.observation is not None, OBSERVATION_WAIT):
                    raise PolicyError(f"no {session.goal.robot}/joint_states within {OBSERVATION_WAIT:g} s")
            host = session.load()
            text, device = describe_policy(host.needs, host.gives), host.gives.device
            session.put_away()
            return LoadPolicy.Response(
                success=True,
                message=f"loaded '{session.goal.policy}'",
                description=text,
                device=device,
                elapsed=time.monotonic() - begin,
            )
        finally:
            executor = self._node.executor
            if executor is not None:
                executor.create_task(link.close)
                executor.wake()

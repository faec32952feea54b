"""policies/state: what each policy of policy_node does."""

from __future__ import annotations

import threading

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from strands_robots.msg import PolicyState

from strands_robots.policies.host.opening import PolicyShelf
from strands_robots.policies.run.policy_goal import PolicySession
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.stamps import to_time
from strands_robots.ros.process.polled_clock import ros_time

PERIOD = 0.5
"""Time between two reports [s, steady time]."""


class PolicyStatePublisher:
    """Publishes PolicyState for every goal and every policy that is kept loaded.

    Args:
        node: The node; its namespace is the graph's.
        shelf: The policies that are kept.
    """

    def __init__(self, node: Node, shelf: PolicyShelf) -> None:
        self._node = node
        self._shelf = shelf
        self._sessions: dict[str, PolicySession] = {}
        self._lock = threading.Lock()
        self._publisher = node.create_publisher(PolicyState, "policies/state", qos.STATE)
        node.create_timer(PERIOD, self._publish_all, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def add(self, session: PolicySession) -> None:
        """Report on a goal from now on."""
        with self._lock:
            self._sessions[session.goal.goal_id] = session
        self._publish(session)

    def remove(self, session: PolicySession, state: str) -> None:
        """Report how a goal ended, and no more on it."""
        with self._lock:
            self._sessions.pop(session.goal.goal_id, None)
        self._publish(session, state)

    def _publish_all(self) -> None:
        with self._lock:
            sessions = list(self._sessions.values())
        for session in sessions:
            self._publish(session)
        for key in self._shelf.kept():
            self._publisher.publish(
                PolicyState(header=self._header(), robot=key.robot, policy=key.policy, state="loaded")
            )

    def _publish(self, session: PolicySession, state: str = "") -> None:
        run, policy = session.run, session.policy
        header = self._header()
        with session.changed:
            age = 0.0 if run.chunks == 0 else ros_time(self._node) - run.chunk_stamp
            message = PolicyState(
                header=header,
                robot=session.goal.robot,
                policy=session.goal.policy,
                goal_id=session.goal.goal_id,
                state=state or ("loading" if policy is None else "running"),
                device=policy.gives.device if policy is not None else "",
                connection=policy.connection if policy is not None else "",
                inferences=run.latencies.count,
                latency_p50=run.latencies.percentile(50.0),
                latency_p99=run.latencies.percentile(99.0),
                chunk_age=max(age, 0.0),
                deadline_misses=run.underruns,
            )
        self._publisher.publish(message)

    def _header(self) -> object:
        message = PolicyState()
        message.header.stamp = to_time(ros_time(self._node))
        return message.header

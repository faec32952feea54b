"""Goals that end with their owner: the client that started one says every 0.1 s on goals/alive that it still wants it.

A goal that was named there once and then not for 0.5 s is cancelled. Goals that are never named have no owner and go on.
Naming the goal of another client can only stop it.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from unique_identifier_msgs.msg import UUID

from strands_robots.ros.messages import qos

TOPIC = "goals/alive"
PERIOD = 0.1
"""Time between two beats of an owner [s]."""

PATIENCE = 0.5
"""Silence after which a goal is cancelled [s, steady time]."""

STALL = 0.3
"""A node that did not look for this long [s] did not listen either: owners get the time to be heard again."""

LONGEST_SILENCE = 2.0
"""Silence that nothing excuses [s]."""

FORGET = 600.0
MOST = 1024


class GoalOwners:
    """Watches the owners of a node's goals.

    Args:
        node: The node; its executor must go on while goals run.
        running: Returns the ids of the goals that run, as hex.
        on_lost: Takes the id of a goal whose owner is silent.
        patience: Silence after which it is [s, steady time].
        longest_silence: Silence that nothing excuses [s, steady time].
    """

    def __init__(
        self,
        node: Node,
        running: Callable[[], list[str]],
        on_lost: Callable[[str], None],
        patience: float = PATIENCE,
        longest_silence: float = LONGEST_SILENCE,
    ) -> None:
        self._patience, self._longest_silence = patience, longest_silence
        self._running = running
        self._on_lost = on_lost
        self._heard: dict[str, float] = {}
        self._looked = self._excused = time.monotonic()
        node.create_subscription(UUID, TOPIC, self._on_beat, qos.HEARTBEAT_READER)
        self._timer = node.create_timer(PERIOD, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._timer.cancel()  # Nothing to look at until an owner is heard.

    def _on_beat(self, message: Any) -> None:
        goal_id = bytes(message.uuid).hex()
        if not self._heard:
            self._looked = time.monotonic()
            self._timer.reset()
        if goal_id in self._heard or len(self._heard) < MOST:
            self._heard[goal_id] = time.monotonic()

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked > STALL:
            self._excused = now + self._patience
        self._looked = now
        for goal_id in self._running():
            silence = now - self._heard.get(goal_id, now)
            if silence > self._patience and (now > self._excused or silence > self._longest_silence):
                del self._heard[goal_id]  # Said once.
                self._on_lost(goal_id)
        self._heard = {goal_id: at for goal_id, at in self._heard.items() if now - at < FORGET}
        if not self._heard:
            self._timer.cancel()


class GoalBeats:
    """Says on goals/alive which goals are still wanted, from the node's executor.

    Args:
        node: The owner's node.
    """

    def __init__(self, node: Node) -> None:
        self._wanted: set[str] = set()
        self._node = node
        self._publisher = node.create_publisher(UUID, TOPIC, qos.STATE)
        self._timer = node.create_timer(PERIOD, self._beat, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def close(self) -> None:
        """Say nothing any more."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_publisher(self._publisher)

    def keep(self, goal_id: str) -> None:
        """Want a goal from now on; call it before the goal is sent."""
        self._wanted.add(goal_id)
        self._publisher.publish(_message(goal_id))

    def drop(self, goal_id: str) -> None:
        """Say nothing of a goal any more: it has ended."""
        self._wanted.discard(goal_id)

    def _beat(self) -> None:
        for goal_id in list(self._wanted):
            self._publisher.publish(_message(goal_id))


@contextlib.contextmanager
def owned_goal(node: Node) -> Iterator[UUID]:
    """Give the id of a goal that is to be sent, and say that it is wanted for as long as the block lasts and the node is spun.

    So a goal ends with its client: when that is killed, hangs, or loses the graph.
    """
    beats = GoalBeats(node)
    goal_id = uuid.uuid4().hex
    try:
        beats.keep(goal_id)
        yield _message(goal_id)
    finally:
        beats.close()


def _message(goal_id: str) -> UUID:
    return UUID(uuid=list(uuid.UUID(goal_id).bytes))

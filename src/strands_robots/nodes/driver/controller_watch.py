"""Whether a robot's controllers act on what they are sent, looked at by the control loop without waiting.

A controller_manager since Jazzy publishes every change on `~/activity`; an older one is asked with `list_controllers`. A
joint_trajectory_controller publishes `~/controller_state` while it is active, with the set-point that it follows at this moment.

Source: ros-controls/ros2_control, branch jazzy, controller_manager.cpp: publish_activity; ros-controls/ros2_controllers, branch jazzy,
joint_trajectory_controller.cpp: publish_state.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message

from strands_robots.drivers.controller_states import CONTROLLER_ACTIVE
from strands_robots.nodes.driver.controller_manager import ControllerManager
from strands_robots.ros.calls.drain import NeverCalled, take

POLL_PERIOD = 0.5
"""Time between two questions to a controller_manager that publishes no activity [s]."""

SILENCE = 0.3
"""A controller that published its state and has not for this long is not active [s]."""

_ACTIVITY = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=20,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
_STATE = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


class ManagerWatch:
    """What a controller_manager says of some controllers.

    Args:
        node: The node.
        manager: The manager.
        name: Its name.
        controllers: The controllers' names, as the manager calls them.
        worker: Runs one question at a time.
    """

    def __init__(
        self, node: Node, manager: ControllerManager, name: str, controllers: Sequence[str], worker: Executor
    ) -> None:
        self._node, self._manager, self._controllers, self._worker = node, manager, list(controllers), worker
        kind = activity_type()
        self._kind = kind
        self._subscription: Any = None
        if kind is not None:
            self._subscription = node.create_subscription(
                kind, f"{name}/activity", _nothing, _ACTIVITY, callback_group=NeverCalled(), raw=True
            )
        self._states: Mapping[str, str] | None = None
        self._hears_activity = False
        self._question: Future[dict[str, str]] | None = None
        self._ask_at = 0.0

    def forget(self) -> None:
        """Take nothing for known, what has arrived included: the controllers are being switched."""
        self._heard()
        self._states, self._question = None, None

    def look(self) -> dict[int, str]:
        """Return the state of each controller, by its place, that was not active at any time since the last look.

        Raises:
            DriverError: If the manager does not answer.
        """
        found: dict[int, str] = {}
        for states in self._heard():
            self._states = states
            found |= inactive(states, self._controllers)
        if self._states is not None:
            found |= inactive(self._states, self._controllers)
        return found

    def close(self) -> None:
        """Stop to listen."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)

    def _heard(self) -> list[Mapping[str, str]]:
        heard: list[Mapping[str, str]] = []
        if self._subscription is not None:
            for data, _ in take(self._subscription, self._kind):
                heard.append(activity_states(deserialize_message(data, self._kind)))
        self._hears_activity = self._hears_activity or bool(heard)
        if not self._hears_activity:
            heard += self._asked()
        return heard

    def _asked(self) -> list[Mapping[str, str]]:
        now = time.monotonic()
        question = self._question
        if question is not None and question.done():
            self._question = None
            return [question.result()]
        if question is None and now >= self._ask_at:
            self._ask_at = now + POLL_PERIOD
            self._question = self._worker.submit(self._manager.states)
        return []


class StateWatch:
    """What one joint_trajectory_controller publishes of itself.

    Args:
        node: The node.
        topic: Its `controller_state`.
    """

    def __init__(self, node: Node, topic: str) -> None:
        from control_msgs.msg import JointTrajectoryControllerState

        self._node, self._kind = node, JointTrajectoryControllerState
        self._subscription: Any = node.create_subscription(
            self._kind, topic, _nothing, _STATE, callback_group=NeverCalled(), raw=True
        )
        self._heard_at: float | None = None
        self.reference: dict[str, float] = {}
        """Set-points that the controller follows now [rad] or [m], by joint; empty while it is not heard."""

    def look(self) -> bool:
        """Take what came; return False when the controller was heard once and is silent now."""
        for data, _ in take(self._subscription, self._kind):
            message = deserialize_message(data, self._kind)
            self._heard_at = time.monotonic()
            # Until Iron the set-point was called "desired".
            point = message.reference if hasattr(message, "reference") else message.desired
            self.reference = dict(zip(message.joint_names, point.positions))
        if self._heard_at is None or time.monotonic() - self._heard_at <= SILENCE:
            return True
        self.reference = {}
        return False

    def forget(self) -> None:
        """Take it for one that was never heard: it is being switched."""
        self.look()
        self._heard_at, self.reference = None, {}

    def close(self) -> None:
        """Stop to listen."""
        self._node.destroy_subscription(self._subscription)


def activity_type() -> Any:
    """Return the type of a controller_manager's `~/activity`; None where controller_manager_msgs has none, as before Jazzy."""
    try:
        from controller_manager_msgs.msg import ControllerManagerActivity
    except ImportError:
        return None
    return ControllerManagerActivity


def activity_states(message: Any) -> dict[str, str]:
    """Return the state of each controller by name from a ControllerManagerActivity."""
    return {str(entry.name): str(entry.state.label) for entry in message.controllers}


def inactive(states: Mapping[str, str], controllers: Sequence[str]) -> dict[int, str]:
    """Return those of some controllers that are not active, by their place, with their state in words."""
    found = {i: states.get(name, "not loaded") for i, name in enumerate(controllers)}
    return {i: state for i, state in found.items() if state != CONTROLLER_ACTIVE}


def _nothing(message: bytes) -> None:
    """Stand where a callback is wanted: the control loop takes the messages."""

"""A driver_node's transitions as a client: connects a robot again whose link was lost, without ros2cli."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import Log
from rcl_interfaces.srv import GetParameters
from rclpy.logging import LoggingSeverity

from strands_robots.clients.client import GraphClient, NoAnswerError
from strands_robots.core.errors import ConfigurationError, UnknownNameError

FIND_TIMEOUT = 5.0
ANSWER_TIMEOUT = 5.0
TRANSITION_TIMEOUT = 60.0
"""Longest transition [s]: connecting to some arms takes long."""

SUFFIX = "/change_state"
PREFIX = "driver_"
"""How the names of driver_nodes begin: driver_node, driver_<robot> for the second of a pair."""


class DriverClient:
    """The driver of one robot.

    Args:
        client: Client of the graph.
        robot: The robot's name; empty for the only one.

    Attributes:
        robot: Name of the robot.
        node: Full name of its driver_node.

    Raises:
        NoAnswerError: If there is no driver_node.
        UnknownNameError: If none of them drives the robot.
        ConfigurationError: If there are several and none is named.
    """

    def __init__(self, client: GraphClient, robot: str = "") -> None:
        self._client = client
        self._errors: list[str] = []
        self.robot, self.node = _find(client, robot)
        client.node.create_subscription(Log, "/rosout", self._on_log, 100)

    def state(self) -> int:
        """Return the driver's lifecycle state, as in lifecycle_msgs/State."""
        answer = self._client.call(GetState, f"{self.node}/get_state", GetState.Request(), ANSWER_TIMEOUT)
        return int(answer.current_state.id)

    def reconnect(self, tell: Callable[[str], None]) -> None:
        """Clean up, configure and activate: the robot then holds where it is measured, and is still stopped.

        Args:
            tell: Takes what is done now, in words.

        Raises:
            ConfigurationError: If the driver is connected, or refuses a transition; the message has the driver's own words.
        """
        state = self.state()
        if state == State.PRIMARY_STATE_ACTIVE:
            raise ConfigurationError(
                f"'{self.robot}' is connected and active; valid: reconnect after a lost link, when {self.node} is inactive"
            )
        if state == State.PRIMARY_STATE_INACTIVE:
            self._change(Transition.TRANSITION_CLEANUP, "cleanup", tell)
        self._change(Transition.TRANSITION_CONFIGURE, "configure", tell)
        self._change(Transition.TRANSITION_ACTIVATE, "activate", tell)

    def _change(self, transition: int, name: str, tell: Callable[[str], None]) -> None:
        tell(f"{self.node}: {name}")
        self._errors.clear()
        request = ChangeState.Request(transition=Transition(id=transition, label=name))
        answer = self._client.call(ChangeState, f"{self.node}{SUFFIX}", request, TRANSITION_TIMEOUT)
        if answer.success:
            return
        self._client.spin_until(lambda: bool(self._errors), 1.0)
        why = "; ".join(self._errors) or "its log says why"
        raise ConfigurationError(f"'{self.robot}' is not connected, {name} was refused: {why}")

    def _on_log(self, message: Any) -> None:
        if message.level >= LoggingSeverity.ERROR and message.name == self.node.strip("/").replace("/", "."):
            self._errors.append(message.msg)


def _find(client: GraphClient, robot: str) -> tuple[str, str]:
    """Return robot and full name of its driver_node."""
    found: dict[str, str] = {}

    def is_found() -> bool:
        for name in _drivers(client):
            if name not in found.values() and (driven := _robot_of(client, name)):
                found[driven] = name
        return bool(found) and (not robot or robot in found)

    client.spin_until(is_found, FIND_TIMEOUT)
    if not found:
        raise NoAnswerError(client.absent("node", "driver_node"))
    if robot and robot not in found:
        raise UnknownNameError("real robot", robot, found)
    if not robot and len(found) > 1:
        raise ConfigurationError(f"the graph has the real robots {', '.join(sorted(found))}; give --robot")
    chosen = robot or next(iter(found))
    return chosen, found[chosen]


def _drivers(client: GraphClient) -> list[str]:
    """Return the full names of the graph's driver_nodes; those of other namespaces are none of it."""
    own = client.node.get_namespace().rstrip("/") + "/" + PREFIX
    services = client.node.get_service_names_and_types()
    return sorted(
        name.removesuffix(SUFFIX)
        for name, kinds in services
        if name.startswith(own) and name.endswith(SUFFIX) and "lifecycle_msgs/srv/ChangeState" in kinds
    )


def _robot_of(client: GraphClient, node: str) -> str:
    """Return the robot that a driver_node drives; empty when it does not answer."""
    request = GetParameters.Request(names=["robot"])
    try:
        answer = client.call(GetParameters, f"{node}/get_parameters", request, ANSWER_TIMEOUT, 1.0)
    except NoAnswerError:
        return ""
    return str(answer.values[0].string_value).partition("=")[0] if answer.values else ""

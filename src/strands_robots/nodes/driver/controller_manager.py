"""Asks a controller_manager about controllers, and switches them; needs controller_manager_msgs, which a ROS installation has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from strands_robots.clients.client import GraphClient, NoAnswerError
from strands_robots.drivers.controller_states import CONTROLLER_ACTIVE, check_states
from strands_robots.drivers.driver import DriverError
from strands_robots.ros.messages.stamps import to_duration

ANSWER_TIMEOUT = 3.0


class ControllerManager:
    """One controller_manager. Its methods wait; one thread at a time.

    Args:
        client: Client of the graph, spun here.
        name: The manager's name.

    Raises:
        DriverError: If controller_manager_msgs is not installed.
    """

    def __init__(self, client: GraphClient, name: str) -> None:
        try:
            from controller_manager_msgs.srv import ListControllers, SwitchController
        except ImportError as error:
            raise DriverError(
                f"controller_manager_msgs is not installed ({error}), so '{name}' cannot be asked; valid: install "
                "ros-$ROS_DISTRO-controller-manager-msgs, or `manager: ''` in the controllers' file to drive without this check"
            ) from error
        self._client, self._name = client, name
        self._list: Any = ListControllers
        self._switch: Any = SwitchController

    def states(self) -> dict[str, str]:
        """Return the state of each loaded controller by name: active, inactive, unconfigured, finalized.

        Raises:
            DriverError: If the manager does not answer.
        """
        try:
            answer = self._client.call(
                self._list, f"{self._name}/list_controllers", self._list.Request(), ANSWER_TIMEOUT
            )
        except NoAnswerError as error:
            raise DriverError(f"'{self._name}' does not answer: {error}") from error
        return {str(controller.name): str(controller.state) for controller in answer.controller}

    def check(self, names: Sequence[str], may_be_inactive: bool) -> None:
        """Refuse controllers that are not loaded, or not active.

        Raises:
            DriverError: If one is; the message has those that are loaded.
        """
        check_states(self.states(), [name.rpartition("/")[2] for name in names], may_be_inactive)

    def switch(self, names: Sequence[str], active: bool, timeout: float) -> None:
        """Activate controllers, or deactivate them, all or none; those that are right already are left.

        Raises:
            DriverError: If it was refused or not done within `timeout` [s].
        """
        states = self.states()
        short = [name.rpartition("/")[2] for name in names]
        wrong = [name for name in short if (states.get(name) == CONTROLLER_ACTIVE) is not active]
        if not wrong:
            return
        request = self._switch.Request(strictness=self._switch.Request.STRICT, timeout=to_duration(timeout))
        setattr(request, "activate_controllers" if active else "deactivate_controllers", wrong)
        try:
            answer = self._client.call(
                self._switch, f"{self._name}/switch_controller", request, timeout + ANSWER_TIMEOUT
            )
        except NoAnswerError as error:
            raise DriverError(f"'{self._name}' did not switch {', '.join(wrong)}: {error}") from error
        if not answer.ok:
            raise DriverError(
                f"'{self._name}' refused to {'activate' if active else 'deactivate'} {', '.join(wrong)}; its log says why"
            )

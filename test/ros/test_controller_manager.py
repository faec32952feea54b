"""What a controller_manager is asked, and what its answers mean. Its messages are not installed everywhere: here they are the test's."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from strands_robots.clients.client import NoAnswerError
from strands_robots.drivers.driver import DriverError
from strands_robots.nodes.driver.controller_manager import ControllerManager


class SwitchRequest(SimpleNamespace):
    """As controller_manager_msgs/srv/SwitchController's."""

    STRICT = 2


class Client:
    """Answers as a controller_manager with these controllers would."""

    def __init__(self, **states: str) -> None:
        self.states, self.switches, self.is_obedient = states, [], True

    def call(self, kind: Any, name: str, request: Any, timeout: float) -> Any:
        if name == "/silent/list_controllers":
            raise NoAnswerError("service /silent/list_controllers was not found")
        if name == "/controller_manager/list_controllers":
            return SimpleNamespace(controller=[SimpleNamespace(name=n, state=s) for n, s in self.states.items()])
        assert name == "/controller_manager/switch_controller" and request.strictness == SwitchRequest.STRICT
        self.switches.append(request)
        return SimpleNamespace(ok=self.is_obedient)


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> None:
    package, services = ModuleType("controller_manager_msgs"), ModuleType("controller_manager_msgs.srv")
    services.ListControllers = SimpleNamespace(Request=SimpleNamespace)  # type: ignore[attr-defined]
    services.SwitchController = SimpleNamespace(Request=SwitchRequest)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "controller_manager_msgs", package)
    monkeypatch.setitem(sys.modules, "controller_manager_msgs.srv", services)


def test_only_controllers_that_are_not_right_already_are_switched(messages: None) -> None:
    client = Client(arm="inactive", hand="active")
    manager = ControllerManager(client, "/controller_manager")  # type: ignore[arg-type]
    manager.check(["arm", "/cell/hand"], may_be_inactive=True)
    manager.switch(["arm", "hand"], True, 3.0)
    assert [request.activate_controllers for request in client.switches] == [["arm"]]
    manager.switch(["arm", "hand"], False, 3.0)
    assert client.switches[1].deactivate_controllers == ["hand"]
    client.states["arm"] = "active"
    manager.switch(["arm", "hand"], True, 3.0)
    assert len(client.switches) == 2


def test_refusal_and_silence_are_errors_that_say_who(messages: None) -> None:
    client = Client(arm="inactive")
    client.is_obedient = False
    with pytest.raises(DriverError, match="refused to activate arm"):
        ControllerManager(client, "/controller_manager").switch(["arm"], True, 3.0)  # type: ignore[arg-type]
    with pytest.raises(DriverError, match="'/silent' does not answer"):
        ControllerManager(client, "/silent").states()  # type: ignore[arg-type]


@pytest.mark.skipif(importlib.util.find_spec("controller_manager_msgs") is not None, reason="it is installed")
def test_missing_messages_are_said_with_both_ways_out() -> None:
    with pytest.raises(DriverError, match=r"controller_manager_msgs is not installed .*manager: ''"):
        ControllerManager(Client(), "/controller_manager")  # type: ignore[arg-type]

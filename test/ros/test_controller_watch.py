"""What a controller_manager and its controllers say of themselves, as driver_node's control loop hears it.

controller_manager_msgs and control_msgs are not installed everywhere: activity is a stand-in's message of the same fields (ros2_control,
branch jazzy, commit 9ffbf97fd6798085db22797fed44da59089dc10a, controller_manager_msgs/msg/ControllerManagerActivity.msg).
"""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from strands_robots.drivers.driver import DriverError
from strands_robots.nodes.driver.controller_watch import ManagerWatch, activity_states, inactive


def activity(**states: str) -> Any:
    entries = [SimpleNamespace(name=name, state=SimpleNamespace(id=0, label=label)) for name, label in states.items()]
    return SimpleNamespace(controllers=entries, hardware_components=[])


class Manager:
    """A manager of before Jazzy, which must be asked."""

    def __init__(self, **states: str) -> None:
        self.answer: dict[str, str] | DriverError = states

    def states(self) -> dict[str, str]:
        if isinstance(self.answer, DriverError):
            raise self.answer
        return dict(self.answer)


class AtOnce:
    """A worker that has done its work when it is asked."""

    def submit(self, work: Any, *arguments: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work(*arguments))
        except DriverError as error:
            done.set_exception(error)
        return done


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> tuple[ManagerWatch, Manager]:
    monkeypatch.setattr("strands_robots.nodes.driver.controller_watch.activity_type", lambda: None)
    monkeypatch.setattr("strands_robots.nodes.driver.controller_watch.POLL_PERIOD", 0.0)
    manager = Manager(arm="active", hand="active")
    return ManagerWatch(None, manager, "/controller_manager", ["arm", "hand"], AtOnce()), manager  # type: ignore[arg-type]


def states(watch: ManagerWatch) -> dict[int, str]:
    watch.look()  # asks
    return watch.look()


def test_deactivated_and_unloaded_controllers_are_found_by_asking(watch: tuple[ManagerWatch, Manager]) -> None:
    looks, manager = watch
    assert states(looks) == {}
    manager.answer = {"arm": "inactive"}
    assert states(looks) == {0: "inactive", 1: "not loaded"}
    manager.answer = {"arm": "active", "hand": "active"}
    assert states(looks) == {}


def test_manager_that_does_not_answer_is_an_error(watch: tuple[ManagerWatch, Manager]) -> None:
    looks, manager = watch
    manager.answer = DriverError("'/controller_manager' does not answer")
    with pytest.raises(DriverError, match="does not answer"):
        states(looks)


def test_controller_that_was_off_between_two_looks_is_found_by_its_activity(
    watch: tuple[ManagerWatch, Manager], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, _ = watch
    off_and_on = [activity_states(activity(arm=label, hand="active")) for label in ("active", "inactive", "active")]
    monkeypatch.setattr(looks, "_heard", lambda: off_and_on.copy())
    assert looks.look() == {0: "inactive"}
    monkeypatch.setattr(looks, "_heard", list)
    assert looks.look() == {}


def test_controllers_that_are_being_switched_have_no_state(watch: tuple[ManagerWatch, Manager]) -> None:
    looks, manager = watch
    manager.answer = {"arm": "inactive", "hand": "inactive"}
    assert states(looks)
    looks.forget()
    manager.answer = {"arm": "active", "hand": "active"}
    looks.forget()
    assert states(looks) == {}


def test_states_are_those_of_the_activity_message() -> None:
    heard = activity_states(activity(arm="active", joint_state_broadcaster="active"))
    assert inactive(heard, ["arm", "hand"]) == {1: "not loaded"}

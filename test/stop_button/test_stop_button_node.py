"""stop_button_node beside safety_node: a press, a lost device and the node's own death stop the graph; nothing of it resumes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from graph import Graph, Process, wait_for
from strands_robots.msg import SafetyState, StopButtonState, StopRequest
from strands_robots.srv import ResumeGraph

from strands_robots.ros.messages import qos

from .stand_ins import SPACE, FifoDevice

STAND_IN = str(Path(__file__).with_name("stand_in_node.py"))


class Rig:
    """safety_node that has the button "usb", the button's node, and its device."""

    def __init__(self, folder: Path) -> None:
        self.graph = Graph()
        self.device = FifoDevice(folder)
        self.client = self.graph.client()
        self.states = self.client.listen(SafetyState, "safety/state", qos.SAFETY)
        self.requests = self.client.listen(StopRequest, "safety/stop_request", qos.SAFETY)
        self.beats = self.client.listen(StopButtonState, "safety/buttons", qos.HEARTBEAT_READER)
        self.graph.start("safety_node", arm_on_start=True, latch_folder=str(folder / "latch"), buttons=["usb"])
        wait_for(lambda: self.states, 20.0, "safety/state")
        self.node = self.start_button()

    def start_button(self) -> Process:
        command = [sys.executable, STAND_IN, "--ros-args", "-p", "name:=usb", "-p", f"device:='{self.device.path}'"]
        process = Process(command, self.graph.environment)
        self.graph.processes.append(process)
        return process

    def resume(self) -> ResumeGraph.Response:
        request = ResumeGraph.Request(source="operator/anna", reason="checked", stop_id=self.states[-1].stop_id)
        return self.client.call(ResumeGraph, "safety/resume", request)

    def arm(self) -> None:
        wait_for(lambda: self.states[-1].state == SafetyState.ARMED or self.resume().success, 20.0, "the arming")
        wait_for(lambda: self.states[-1].state == SafetyState.ARMED, 5.0, "ARMED")

    def wait_for_stop(self, words: str) -> None:
        wait_for(
            lambda: self.states[-1].state != SafetyState.ARMED and words in self.states[-1].stop_reason, 5.0, words
        )


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    made = Rig(tmp_path_factory.mktemp("buttons"))
    with made.graph:
        yield made


def test_graph_with_a_button_starts_stopped_whatever_arm_on_start_says(rig: Rig) -> None:
    assert rig.states[0].state != SafetyState.ARMED
    assert rig.states[0].stop_source == "button/usb" and "has not been heard yet" in rig.states[0].stop_reason


def test_press_is_a_stop_request_of_the_button_and_stops(rig: Rig) -> None:
    rig.arm()
    rig.device.press()
    rig.wait_for_stop("KEY_SPACE down")
    wait_for(lambda: rig.requests and rig.requests[-1].source == "button/usb", 5.0, "the stop request itself")


def test_resume_is_refused_while_the_button_is_down(rig: Rig) -> None:
    rig.arm()
    rig.device.key(SPACE, 1)
    rig.wait_for_stop("KEY_SPACE")
    answer = rig.resume()
    assert (answer.success, answer.refusal) == (False, "stop_button") and "KEY_SPACE" in answer.message
    rig.device.key(SPACE, 0)
    rig.arm()


def test_unplugged_device_stops_and_its_return_resumes_nothing(rig: Rig) -> None:
    rig.arm()
    rig.device.unplug()
    rig.wait_for_stop("has ended")
    assert rig.resume().refusal == "stop_button"
    wait_for(lambda: rig.beats[-1].state == StopButtonState.FAULT, 5.0, "FAULT")
    count = len(rig.states)
    rig.device.plug()
    wait_for(lambda: rig.beats[-1].state == StopButtonState.READY, 10.0, "READY again")
    assert all(state.state != SafetyState.ARMED for state in list(rig.states)[count:])
    assert rig.resume().success


def test_hung_button_node_stops_the_graph(rig: Rig) -> None:
    rig.arm()
    rig.node.send(signal.SIGSTOP)
    try:
        rig.wait_for_stop("is silent")
    finally:
        rig.node.send(signal.SIGCONT)
    count = len(rig.states)
    wait_for(lambda: len(rig.states) > count + 20, 5.0, "a second of heartbeats")
    assert all(state.state != SafetyState.ARMED for state in list(rig.states)[count:])


def test_killed_button_node_stops_the_graph_and_its_restart_resumes_nothing(rig: Rig) -> None:
    rig.arm()
    rig.node.send(signal.SIGKILL)
    rig.wait_for_stop("is silent")
    count, killed = len(rig.states), rig.beats[-1].session
    rig.node = rig.start_button()
    wait_for(lambda: rig.beats[-1].session != killed, 20.0, "the heartbeat of the new node")
    assert rig.beats[-1].state == StopButtonState.READY
    assert all(state.state != SafetyState.ARMED for state in list(rig.states)[count:])
    rig.arm()


def test_button_that_is_not_described_is_refused(rig: Rig) -> None:
    node = rig.graph.start("stop_button_node")
    assert node.wait(20.0) == 2
    assert "valid: one of them" in node.text

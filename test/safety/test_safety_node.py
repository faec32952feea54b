"""safety_node as a process: it arms, stops, waits for evidence and remembers, without waiting for disk or clock."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from graph import Graph, Process, wait_for
from strands_robots.msg import SafetyState, StopRequest
from strands_robots.srv import ResumeGraph, StopGraph

from strands_robots.ros.messages import qos

from .gated_robot import GatedRobot

RUN = "run-1"


class Rig:
    """safety_node, a client that hears it, and robots that the test makes."""

    def __init__(self, graph: Graph, folder: Path, **parameters: Any) -> None:
        self.graph = graph
        self.folder = folder
        self.client = graph.client()
        self.states = self.client.listen(SafetyState, "safety/state", qos.SAFETY)
        self.requests = self.client.create_publisher(StopRequest, "safety/stop_request", qos.SAFETY)
        self.node = self.start(**parameters)

    def start(self, **parameters: Any) -> Process:
        self.states.clear()
        given = {
            "run_id": RUN,
            "arm_on_start": True,
            "settle_time": 0.0,
            "latch_folder": str(self.folder),
            **parameters,
        }
        node = self.graph.start("safety_node", **given)
        wait_for(lambda: self.states or node.exit_code is not None, 20.0, "safety/state")
        return node

    def robot(self, name: str = "arm", **options: Any) -> GatedRobot:
        return GatedRobot(self.client, name, **options)

    @property
    def state(self) -> SafetyState:
        return self.states[-1]

    def wait(self, state: int, words: str = "") -> SafetyState:
        """Return the newest state once it is `state` with `words` in its message."""
        wait_for(lambda: self.state.state == state and words in self.state.message, 10.0, f"state {state} '{words}'")
        return self.state

    def wait_at_rest(self) -> SafetyState:
        """Return the newest state once every robot, and at least one, has reported rest."""
        wait_for(lambda: self.state.state == SafetyState.STOPPED and self.state.robots, 10.0, "evidence of rest")
        return self.state

    def request_stop(self, source: str = "operator/test", reason: str = "test") -> None:
        wait_for(lambda: self.requests.get_subscription_count() > 0)
        self.requests.publish(StopRequest(source=source, reason=reason))

    def stop(self, wait_for_rest: float = 0.0) -> StopGraph.Response:
        request = StopGraph.Request(source="operator/test", reason="test", wait_for_rest=wait_for_rest)
        return self.client.call(StopGraph, "safety/stop", request, 20.0)

    def resume(self, stop_id: int | None = None, source: str = "operator/test") -> ResumeGraph.Response:
        chosen = self.state.stop_id if stop_id is None else stop_id
        return self.client.call(ResumeGraph, "safety/resume", ResumeGraph.Request(source=source, stop_id=chosen))

    def wait_armed(self, robot: GatedRobot) -> None:
        wait_for(lambda: not robot.is_latched, 10.0, "an open gate")
        self.wait(SafetyState.ARMED)


@pytest.fixture
def rig(graph: Graph, tmp_path: Path) -> Rig:
    return Rig(graph, tmp_path)


def test_robot_is_found_and_armed_and_named_with_its_session(rig: Rig) -> None:
    robot = rig.robot()
    rig.wait_armed(robot)
    (evidence,) = rig.wait(SafetyState.ARMED, "armed").robots
    assert (evidence.robot, evidence.session) == ("arm", "first")
    assert (rig.state.run_id, rig.state.stop_id, rig.state.arm_epoch) == (RUN, 0, 1)


def test_start_arms_once_the_other_nodes_are_up_and_the_robot_is_heard_steadily(graph: Graph, tmp_path: Path) -> None:
    rig = Rig(graph, tmp_path, settle_time=0.5, start_nodes=["motion_node"])
    robot = rig.robot()
    wait_for(lambda: rig.states and "and that for motion_node" in rig.states[-1].message, 10.0, "the missing node")
    assert robot.is_latched
    graph.start("motion_node", robots=["arm=so101"])
    rig.wait_armed(robot)


def test_without_arm_on_start_only_a_resume_arms(graph: Graph, tmp_path: Path) -> None:
    rig = Rig(graph, tmp_path, arm_on_start=False)
    robot = rig.robot()
    rig.wait_at_rest()
    assert robot.is_latched
    assert rig.resume().success
    rig.wait_armed(robot)


@pytest.mark.parametrize("source", ["operator/anna", "", "x" * 1000, "\u00e4 \x07"])
def test_stop_request_stops_whatever_its_fields_say(rig: Rig, source: str) -> None:
    robot = rig.robot()
    rig.wait_armed(robot)
    rig.request_stop(source, source)
    state = rig.wait(SafetyState.STOPPED)
    assert (state.stop_id, robot.is_latched) == (1, True)
    assert state.stop_source.isascii()
    assert state.stop_source


def test_stop_request_that_cannot_be_read_stops(rig: Rig) -> None:
    robot = rig.robot()
    rig.wait_armed(robot)
    wait_for(lambda: rig.requests.get_subscription_count() > 0)
    rig.requests.publish(b"\x00\x01\x00\x00\x07")
    assert "cannot be read" in rig.wait(SafetyState.STOPPED).stop_reason


def test_stop_waits_for_rest_while_heartbeats_go_on(rig: Rig) -> None:
    robot = rig.robot()
    rig.wait_armed(robot)
    robot.speed = 0.5
    before = rig.state.sequence
    response = rig.stop(wait_for_rest=0.5)
    assert (response.success, response.at_rest, response.moving) == (True, False, ["arm"])
    assert rig.state.sequence >= before + 8
    rig.wait(SafetyState.STOP_NOT_CONFIRMED, "no evidence of rest from arm")
    robot.speed = 0.0
    response = rig.stop(wait_for_rest=5.0)
    assert (response.success, response.at_rest, response.moving, response.stop_id) == (True, True, [], 1)


def test_stop_answers_at_once_when_nobody_wants_to_wait(rig: Rig) -> None:
    robot = rig.robot()
    rig.wait_armed(robot)
    robot.speed = 0.5
    response = rig.stop()
    assert (response.success, response.at_rest, response.moving) == (True, False, ["arm"])


def test_resume_is_refused_with_the_reason(rig: Rig) -> None:
    robot = rig.robot()
    rig.wait_armed(robot)
    assert "nothing is stopped" in rig.resume(0).message
    stop_id = rig.stop(wait_for_rest=5.0).stop_id
    assert f"stop {stop_id + 1} is not the latched one" in rig.resume(stop_id + 1).message
    assert "needs a source" in rig.resume(stop_id, source=" ").message
    robot.speed = 0.5
    wait_for(lambda: not rig.state.robots[0].at_rest)
    assert "arm does not report rest" in rig.resume(stop_id).message
    robot.speed, robot.is_silent = 0.0, True
    wait_for(lambda: rig.state.robots[0].age > 0.6)
    assert "no gate_state from arm" in rig.resume(stop_id).message
    assert rig.state.state != SafetyState.ARMED
    robot.is_silent = False
    rig.wait(SafetyState.STOPPED)
    response = rig.resume(stop_id)
    assert (response.success, response.arm_epoch) == (True, 2)
    rig.wait_armed(robot)


def test_silent_robot_stops_the_graph(rig: Rig) -> None:
    silent, other = rig.robot("silent"), rig.robot("other")
    rig.wait_armed(silent)
    rig.wait_armed(other)
    silent.is_silent = True
    assert "no gate_state from 'silent'" in rig.wait(SafetyState.STOP_NOT_CONFIRMED).stop_reason
    assert other.is_latched


def test_robot_node_that_starts_again_stops_the_graph(rig: Rig) -> None:
    first, other = rig.robot(), rig.robot("other")
    again = rig.robot(session="second", is_silent=True)
    rig.wait_armed(first)
    rig.wait_armed(other)
    first.is_silent, again.is_silent = True, False
    assert "robot node 'arm' started again" in rig.wait_at_rest().stop_reason
    assert again.is_latched
    assert other.is_latched
    assert rig.resume().success
    rig.wait_armed(again)


def test_node_that_starts_again_in_its_run_comes_back_latched(rig: Rig) -> None:
    robot = rig.robot()
    rig.wait_armed(robot)
    rig.node.send(signal.SIGKILL)
    wait_for(lambda: robot.is_latched, 5.0, "the gate to notice")
    rig.start()
    assert "started again within the same run" in rig.wait_at_rest().stop_reason
    assert robot.is_latched
    assert rig.resume().success
    rig.wait_armed(robot)


def test_node_arms_in_a_new_run(rig: Rig) -> None:
    wait_for(lambda: (rig.folder / "safety_latch.json").is_file())
    rig.node.send(signal.SIGKILL)
    rig.node.wait()
    rig.start(run_id="run-2")
    assert rig.wait(SafetyState.ARMED).run_id == "run-2"


@pytest.mark.guarantee("Stop", "a stop waits for no disk", "safety/latch_writer.py")
def test_stop_does_not_wait_for_the_disk(rig: Rig) -> None:
    robot = rig.robot()
    rig.wait_armed(robot)
    # A file that nobody reads: writing to it never ends.
    os.mkfifo(rig.folder / f".safety_latch.json.{rig.node.pid}")
    rig.request_stop()
    state = rig.wait(SafetyState.STOPPED)
    wait_for(lambda: rig.state.sequence > state.sequence + 5, 5.0, "heartbeats")
    rig.node.send(signal.SIGTERM)
    rig.node.wait(3.0)


def test_folder_that_cannot_be_written_is_told_and_stops_still_work(graph: Graph) -> None:
    rig = Rig(graph, Path("/proc/strands_robots"))
    rig.wait(SafetyState.ARMED, "cannot be written")
    rig.request_stop()
    rig.wait(SafetyState.STOPPED, "cannot be written")


def test_simulated_time_that_stands_still_changes_nothing(graph: Graph, tmp_path: Path) -> None:
    rig = Rig(graph, tmp_path, use_sim_time=True)
    robot = rig.robot()
    rig.wait_armed(robot)
    assert abs(rig.state.header.stamp.sec - time.time()) < 5
    rig.request_stop()
    rig.wait(SafetyState.STOPPED)


def test_expected_robot_must_be_heard_before_a_resume(graph: Graph, tmp_path: Path) -> None:
    rig = Rig(graph, tmp_path, arm_on_start=False, robots=["arm"])
    rig.wait(SafetyState.STOPPING, "waiting for rest of arm")
    assert "no gate_state from arm" in rig.resume().message
    robot = rig.robot()
    rig.wait_at_rest()
    assert rig.resume().success
    rig.wait_armed(robot)


def test_robot_that_joins_hardware_stops_it(graph: Graph, tmp_path: Path) -> None:
    rig = Rig(graph, tmp_path, arm_on_start=False)
    robot = rig.robot()
    rig.wait_at_rest()
    assert rig.resume().success
    rig.wait_armed(robot)
    rig.robot("guest")
    rig.wait(SafetyState.STOPPED, "robot 'guest' joined an armed graph")


def test_robots_of_other_graphs_and_false_names_are_not_taken(rig: Rig) -> None:
    rig.robot("deep", topic="other/deep/gate_state")
    rig.robot("liar", topic="honest/gate_state")
    mine = rig.robot()
    rig.wait_armed(mine)
    wait_for(lambda: "says it is of robot 'liar'" in rig.node.text, 5.0, "a warning")
    assert [robot.robot for robot in rig.state.robots] == ["arm"]


def test_wrong_parameter_ends_the_process_with_one_line(graph: Graph) -> None:
    node = graph.start("safety_node", rest_deadline=0.0)
    assert node.wait(20.0) == 2
    assert node.text.startswith("error: parameter 'rest_deadline'")


def test_signal_ends_the_node_cleanly(rig: Rig) -> None:
    rig.node.send(signal.SIGTERM)
    assert rig.node.wait(3.0) == 0

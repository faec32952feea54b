"""Any process may die at any instruction: what the arm does then, on real processes."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from graph import Graph, wait_for
from strands_robots.msg import SafetyState, StopRequest

from .fault_bench import Recorder
from .moving_arm import MovingArm

HEARTBEAT_TIMEOUT = 0.25
SLACK = 0.15
"""For a busy test machine: transport and the test's own threads; benchmarks measure the real figure."""


@pytest.fixture
def arm(graph: Graph, tmp_path: Path, record_property: Recorder) -> MovingArm:
    arm = MovingArm(graph, tmp_path)
    arm.keep = record_property
    return arm


@pytest.mark.guarantee("Supervision", "a robot stops when safety_node is silent", "control/latch.py check")
def test_killed_safety_node_stops_the_arm_and_its_return_moves_nothing(arm: MovingArm) -> None:
    arm.swing()
    killed = time.monotonic()
    arm.safety.send(signal.SIGKILL)
    assert arm.braking_began(killed) - killed <= HEARTBEAT_TIMEOUT + 0.01 + SLACK
    arm.assert_braked_within_limits(killed)
    assert arm.gate.latch_reason == "heartbeat_lost"

    arm.safety_states.clear()
    arm.start_safety()
    wait_for(lambda: arm.safety_states and arm.state.state == SafetyState.STOPPED, 10.0, "safety_node, latched")
    assert "same run" in arm.state.stop_reason
    arm.assert_still(0.5)
    assert arm.gate.latched
    answer = arm.resume()
    assert answer.success, answer.message
    arm.wait_armed()
    arm.assert_still(0.5)
    arm.swing()


def test_suspended_and_continued_safety_node_starts_nothing(arm: MovingArm) -> None:
    arm.swing()
    suspended = time.monotonic()
    arm.safety.send(signal.SIGSTOP)
    assert arm.braking_began(suspended) - suspended <= HEARTBEAT_TIMEOUT + 0.01 + SLACK
    arm.assert_braked_within_limits(suspended)
    arm.safety.send(signal.SIGCONT)
    wait_for(lambda: arm.state.state != SafetyState.ARMED, 5.0, "the supervisor to see that the robot stopped")
    arm.assert_still(0.5)
    assert arm.gate.latched
    assert arm.resume().success
    arm.wait_armed()
    arm.assert_still(0.3)
    arm.swing()


def test_suspended_and_continued_robot_node_does_not_go_on(arm: MovingArm) -> None:
    arm.swing()
    suspended = time.monotonic()
    arm.sim.send(signal.SIGSTOP)
    wait_for(lambda: arm.state.state != SafetyState.ARMED, 5.0, "the supervisor to miss gate_state")
    assert "so101" in arm.state.stop_reason
    arm.sim.send(signal.SIGCONT)
    wait_for(lambda: arm.gate.latched, 5.0, "latched")
    arm.wait_rest(suspended)
    arm.assert_still(0.3)


@pytest.mark.parametrize("path", ["topic", "service"])
def test_stop_brakes_at_once_and_gives_evidence_of_rest(arm: MovingArm, path: str) -> None:
    publisher = arm.client.create_publisher(StopRequest, "safety/stop_request", 10)
    wait_for(lambda: publisher.get_subscription_count() >= 2, 10.0, "safety_node and sim_node")
    arm.swing()
    asked = time.monotonic()
    if path == "topic":
        publisher.publish(StopRequest(source="operator/test", reason="hand"))
    else:
        answer = arm.stop(wait_for_rest=3.0)
        assert answer.success and answer.at_rest and not answer.moving, answer.message
    arm.assert_braked_within_limits(asked)
    assert arm.braking_began(asked) - asked <= 0.01 + SLACK
    wait_for(lambda: arm.state.state == SafetyState.STOPPED, 5.0, "STOPPED")
    assert [(robot.robot, robot.at_rest, robot.latched) for robot in arm.state.robots] == [("so101", True, True)]


@pytest.mark.guarantee("Stop", "a dead safety_node prevents no stop", "ros/robot/safety_subscriber.py")
def test_stop_without_safety_node_works_and_stays(arm: MovingArm) -> None:
    publisher = arm.client.create_publisher(StopRequest, "safety/stop_request", 10)
    wait_for(lambda: publisher.get_subscription_count() >= 2, 10.0, "safety_node and sim_node")
    arm.swing()
    arm.safety.send(signal.SIGKILL)
    asked = time.monotonic()
    publisher.publish(StopRequest())
    assert arm.braking_began(asked) - asked <= 0.01 + SLACK
    arm.assert_braked_within_limits(asked)
    assert arm.gate.latch_reason.startswith("stop")


@pytest.mark.guarantee("Stop", "a request that cannot be read stops too", "ros/robot/safety_subscriber.py")
def test_malformed_stop_request_stops(arm: MovingArm) -> None:
    publisher = arm.client.create_publisher(StopRequest, "safety/stop_request", 10)
    wait_for(lambda: publisher.get_subscription_count() >= 2, 10.0, "safety_node and sim_node")
    arm.swing()
    asked = time.monotonic()
    publisher.publish(b"\x00\x01\x00\x00\xff\xff\xff\xff")
    arm.wait_rest(asked)
    wait_for(lambda: arm.state.state == SafetyState.STOPPED, 5.0, "STOPPED")


@pytest.mark.long
def test_resume_is_refused_for_another_stop_and_while_nothing_is_stopped(arm: MovingArm) -> None:
    assert "nothing is stopped" in arm.resume().message
    stop_id = arm.stop(wait_for_rest=2.0).stop_id
    refused = arm.resume(stop_id + 1)
    assert not refused.success and f"valid: {stop_id}" in refused.message
    assert arm.gate.latched
    assert arm.resume(stop_id).success


def test_second_supervisor_stops_the_arm(arm: MovingArm, tmp_path: Path) -> None:
    arm.swing()
    arm.graph.start("safety_node", run_id="run-2", arm_on_start=True, latch_folder=str(tmp_path / "other"))
    wait_for(lambda: arm.gate.latched, 10.0, "latched")
    latched = time.monotonic()
    arm.wait_rest(latched)


@pytest.mark.long
def test_lower_class_is_refused_while_the_arm_swings_and_a_higher_one_takes_over(arm: MovingArm) -> None:
    arm.swing(source="policy/one")
    accepted = arm.gate.accepted
    arm.send_swing(1.0, "agent/two")
    wait_for(lambda: "agent/two" in arm.gate.last_refusal, 5.0, "a refusal")
    assert arm.gate.accepted == accepted
    assert "'policy/one' holds the robot" in arm.gate.last_refusal
    arm.swing(source="teleop/three")
    assert arm.gate.lease_holder == "teleop/three"

"""What a robot node hears of safety while it is busy with something else."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from graph import Client, Graph, wait_for
from strands_robots.msg import RobotSafety, SafetyState, StopRequest

from strands_robots.ros.messages import qos

from .gated_robot import GatedRobot


@pytest.fixture
def clients() -> Iterator[tuple[Client, Client]]:
    with Graph() as graph:
        yield graph.client("robot"), graph.client("person")


@pytest.mark.guarantee("Stop", "a stop waits for no other callback of a robot node", "ros/process/own_executor.py")
def test_stop_is_heard_while_another_callback_of_the_node_runs(clients: tuple[Client, Client]) -> None:
    busy, person = clients
    robot = GatedRobot(busy)
    stops = person.create_publisher(StopRequest, "safety/stop_request", qos.SAFETY)
    beats = person.create_publisher(SafetyState, "safety/state", qos.SAFETY)
    wait_for(lambda: stops.get_subscription_count() and beats.get_subscription_count(), 10.0, "the robot")
    is_busy, end = threading.Event(), threading.Event()

    def work() -> None:
        is_busy.set()
        end.wait(30.0)

    try:
        busy.create_timer(0.01, work)
        assert is_busy.wait(10.0)
        beat = SafetyState(
            state=SafetyState.ARMED, session="supervisor", arm_epoch=1,
            robots=[RobotSafety(robot="arm", session="first", latch_count=robot.report().latch_count)],
        )  # fmt: skip

        def is_armed() -> bool:
            beat.sequence += 1
            beats.publish(beat)
            return not robot.is_latched

        wait_for(is_armed, 10.0, "the gate opened by heartbeats that a busy node hears")
        stops.publish(StopRequest(source="operator/test", reason="hand in the way"))
        wait_for(lambda: robot.is_latched, 0.9, "a stop that a busy node hears")
        said = "stop: requested by operator/test: hand in the way"
        wait_for(lambda: robot.report().latch_reason == said, 0.9, "who asked, and why")
    finally:
        end.set()

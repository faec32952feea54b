"""driver_node and an arm behind ros2_control: what it refuses, moves and does when the arm falls silent."""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Iterator

import pytest
from contract.robot_under_test import RobotUnderTest
from graph import Graph, wait_for
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from trajectory_msgs.msg import JointTrajectory

from strands_robots.description.robot_config import load_robot
from strands_robots.nodes.driver.ros2_control_client import RIVAL_PERIOD

from .controlled_process import NAMES, start_controlled_arm

CONTROLLER = NAMES["joint_trajectory"]


@pytest.fixture(scope="module")
def robot() -> Iterator[RobotUnderTest]:
    limits = load_robot("ur5e").limits()
    with Graph() as graph:
        controllers = start_controlled_arm(graph)
        graph.start(
            "driver_node", robot="ur5e=ur5e", driver="ros2_control", controllers=controllers, autostart="activate"
        )
        yield RobotUnderTest(
            graph, "ur5e", limits.names, limits.lower.tolist(), limits.upper.tolist(), uses_simulated_time=False
        )


def test_arm_is_moved_through_the_gate(robot: RobotUnderTest) -> None:
    robot.make_free()
    goal = robot.other(0, 0.3)
    robot.command_publisher.publish(robot.command(goal))
    robot.moved_to(0, goal[0], 0.01)


def test_controller_that_is_not_there_is_refused_with_those_that_are(robot: RobotUnderTest) -> None:
    process = robot.graph.start(
        "driver_node", robot="other=ur5e", autostart="activate", wait=3.0,
        controllers='{controllers: [{name: nobody, kind: joint_trajectory}], manager: ""}',
    )  # fmt: skip
    assert process.wait(40.0) == 2
    assert (
        "no controller listens on /nobody/joint_trajectory (trajectory_msgs/msg/JointTrajectory) within 3 s; valid: "
        in process.text
    )
    assert "waiting for controller 'nobody', which does not listen on /nobody/joint_trajectory yet" in process.text
    assert "error: robot 'other': no controller listens" in process.text
    assert f"/{CONTROLLER}/joint_trajectory" in process.text


def test_somebody_else_who_commands_the_controller_stops_the_robot(robot: RobotUnderTest) -> None:
    robot.make_free()
    rival = robot.client.create_publisher(JointTrajectory, f"/{CONTROLLER}/joint_trajectory", 10)
    try:
        wait_for(lambda: robot.gate.latched, 5.0, "latched")
        assert "test_client" in robot.gate.latch_reason and CONTROLLER in robot.gate.latch_reason
    finally:
        robot.client.destroy_publisher(rival)
    publishers = robot.client.get_publishers_info_by_topic
    wait_for(lambda: len(publishers(f"/{CONTROLLER}/joint_trajectory")) == 1, what="the end of the rival")
    time.sleep(2.0 * RIVAL_PERIOD)  # Until the driver has looked again, it stops what was armed.


def test_arm_that_falls_silent_in_motion_is_stopped_then_lost_until_an_operator_connects_again(
    robot: RobotUnderTest,
) -> None:
    robot.make_free()
    goal = robot.other(0, 1.5)
    robot.command_publisher.publish(robot.command(goal))
    start = robot.position[0]
    wait_for(lambda: abs(robot.position[0] - start) > 0.1, what="motion")
    heard = robot.client.listen(JointTrajectory, f"/{CONTROLLER}/joint_trajectory", 10)
    stand_in = robot.graph.processes[0]
    stand_in.send(signal.SIGUSR1)
    try:
        wait_for(lambda: robot.gate.latched, 2.0, "latched")
        assert "shoulder_pan_joint" in robot.gate.latch_reason or "joint_states" in robot.gate.latch_reason
        wait_for(lambda: robot.gate.latch_reason and state_of(robot) == State.PRIMARY_STATE_INACTIVE, 10.0, "inactive")
        sent = [message.points[0].positions[list(message.joint_names).index(robot.joints[0])] for message in heard]
        assert sent and abs(sent[-1] - goal[0]) > 0.3, "it was stopped on its way"
        last = [abs(a - b) for a, b in itertools.pairwise(sent)]
        assert last[-1] <= max(last) / 3.0, "it was slowed down, not cut off"
    finally:
        stand_in.send(signal.SIGUSR1)


def state_of(robot: RobotUnderTest) -> int:
    return int(robot.client.call(GetState, "driver_node/get_state", GetState.Request()).current_state.id)


def test_controllers_that_come_up_after_the_driver_are_waited_for() -> None:
    with Graph() as graph:
        controllers = f'{{controllers: [{{name: {CONTROLLER}, kind: joint_trajectory}}], manager: ""}}'
        driver = graph.start(
            "driver_node", robot="ur5e=ur5e", driver="ros2_control", controllers=controllers, autostart="activate"
        )
        wait_for(lambda: "waiting for controller" in driver.text, 30.0, "that the driver says what it waits for")
        time.sleep(3.0)  # As long as it had to be there before.
        start_controlled_arm(graph)
        wait_for(lambda: "is connected" in driver.text, 30.0, "a connected driver")

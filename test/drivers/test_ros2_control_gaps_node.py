"""An arm behind ros2_control that did something else than driver_node told it: afterwards it never jumps.

The stand-in follows the controllers' source; `controlled_arm.py` names repository and commit.
"""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Iterator

import pytest
from contract.robot_under_test import RobotUnderTest
from graph import Graph, wait_for
from std_msgs.msg import Float64MultiArray

from strands_robots.description.robot_config import load_robot

from .controlled_process import KINDS, start_controlled_arm

STEP = 0.03
"""Largest way of a joint between two states that is no jump [rad]: 5 ms at its limit of 3.14 rad/s are 0.016, a lost state more."""


@pytest.fixture(scope="module", params=KINDS)
def robot(request: pytest.FixtureRequest) -> Iterator[RobotUnderTest]:
    limits = load_robot("ur5e").limits()
    with Graph() as graph:
        controllers = start_controlled_arm(graph, request.param, lag=0.1)
        graph.start(
            "driver_node", robot="ur5e=ur5e", driver="ros2_control", controllers=controllers, autostart="activate"
        )
        yield RobotUnderTest(
            graph, "ur5e", limits.names, limits.lower.tolist(), limits.upper.tolist(), uses_simulated_time=False
        )


def largest_step(robot: RobotUnderTest) -> float:
    """Return the largest way of the first joint between two states [rad]."""
    heard = [state.position[0] for state in list(robot.states)]
    return max(abs(later - earlier) for earlier, later in itertools.pairwise(heard))


def switch_controller(robot: RobotUnderTest, word: str) -> None:
    stand_in = robot.graph.processes[0]
    before = stand_in.text.count(f"{word}\n")
    stand_in.send(signal.SIGUSR2)
    wait_for(lambda: stand_in.text.count(f"{word}\n") > before, what=word)


def forget_states(robot: RobotUnderTest) -> None:
    robot.states.clear()
    wait_for(lambda: robot.states, what="a state")


def go_on_slowly(robot: RobotUnderTest) -> None:
    """Move the first joint a little from where it is, as the next slow motion would, and see that nothing else happens."""
    robot.make_free()
    start = robot.position[0]
    rows = [[start + 0.001 * k, *robot.position[1:]] for k in range(50)]
    forget_states(robot)
    robot.chunk_publisher.publish(robot.chunk(rows, 0.02))
    robot.moved_to(0, start + 0.049, 0.02)
    wait_for(lambda: not robot.gate.playing, what="the end of the motion")
    assert largest_step(robot) < STEP, "the arm jumped"
    furthest = max(abs(state.position[0] - start) for state in list(robot.states))
    assert furthest < 0.1, "it went somewhere else than told"


def test_arm_whose_controller_is_off_is_stopped_before_its_set_point_is_far_away(robot: RobotUnderTest) -> None:
    robot.make_free()
    start = robot.position[0]
    switch_controller(robot, "\ndeactivated")
    robot.command_publisher.publish(robot.command(robot.other(0, 0.3)))
    wait_for(lambda: robot.gate.latched, 5.0, "latched")
    assert "does not follow" in robot.gate.latch_reason and robot.joints[0] in robot.gate.latch_reason
    furthest = max(abs(target.values[0] - start) for target in list(robot.applied))
    assert furthest < 0.2, "the set-point went far ahead of an arm that stood"
    forget_states(robot)
    switch_controller(robot, "\nactivated")
    go_on_slowly(robot)
    assert largest_step(robot) < STEP, "the arm jumped"


def test_controller_that_was_off_for_a_moment_amid_a_motion_does_not_take_the_whole_way_at_once(
    robot: RobotUnderTest,
) -> None:
    robot.make_free()
    start = robot.position[0]
    robot.command_publisher.publish(robot.command(robot.other(0, 0.5)))
    wait_for(lambda: abs(robot.position[0] - start) > 0.15, 5.0, "motion")
    forget_states(robot)
    switch_controller(robot, "\ndeactivated")
    wait_for(lambda: robot.gate.latched, 5.0, "latched")
    switch_controller(robot, "\nactivated")
    wait_for(lambda: robot.gate.at_rest, 5.0, "rest")
    assert largest_step(robot) < STEP, "the arm jumped"
    go_on_slowly(robot)


def test_arm_that_a_client_of_the_controllers_own_action_moved_is_stopped_and_goes_on_from_there(
    robot: RobotUnderTest,
) -> None:
    robot.make_free()
    publisher = robot.client.create_publisher(Float64MultiArray, "/own_goal", 10)
    wait_for(publisher.get_subscription_count, what="the stand-in")
    time.sleep(1.2)  # The arm has been at rest for as long as the driver asks for.
    goal = robot.other(0, 0.5)
    start = robot.position[0]
    publisher.publish(Float64MultiArray(data=goal))
    wait_for(lambda: robot.gate.latched, 5.0, "latched")
    assert "moved by another client" in robot.gate.latch_reason and robot.joints[0] in robot.gate.latch_reason
    wait_for(lambda: robot.gate.at_rest, 5.0, "rest")
    assert abs(robot.position[0] - goal[0]) > 0.05, "the stop took the arm from the other client"
    assert abs(robot.position[0] - start) > 0.03
    go_on_slowly(robot)


def test_arm_that_was_moved_while_it_was_stopped_is_held_where_it_is_at_the_resume(robot: RobotUnderTest) -> None:
    robot.make_free()
    robot.supervisor.disarm()
    wait_for(lambda: robot.gate.latched and robot.gate.at_rest, what="stopped")
    publisher = robot.client.create_publisher(Float64MultiArray, "/own_goal", 10)
    wait_for(publisher.get_subscription_count, what="the stand-in")
    publisher.publish(Float64MultiArray(data=robot.other(0, 0.05)))
    time.sleep(1.2)
    moved = robot.position[0]
    robot.make_free()
    assert abs(robot.position[0] - moved) < 0.02
    go_on_slowly(robot)


def test_states_that_stopped_for_a_moment_stop_the_arm_and_it_goes_on_from_where_it_is(robot: RobotUnderTest) -> None:
    robot.make_free()
    stand_in = robot.graph.processes[0]
    stand_in.send(signal.SIGUSR1)
    wait_for(lambda: robot.gate.latched, 2.0, "latched")
    assert "joint_states" in robot.gate.latch_reason
    publisher = robot.client.create_publisher(Float64MultiArray, "/own_goal", 10)
    wait_for(publisher.get_subscription_count, what="the stand-in")
    publisher.publish(Float64MultiArray(data=robot.other(0, 0.3)))
    time.sleep(0.1)
    stand_in.send(signal.SIGUSR1)
    wait_for(lambda: robot.gate.at_rest, 5.0, "rest")
    go_on_slowly(robot)


def test_controllers_that_hung_amid_a_motion_do_not_take_the_whole_way_at_once(robot: RobotUnderTest) -> None:
    robot.make_free()
    stand_in = robot.graph.processes[0]
    start = robot.position[0]
    robot.command_publisher.publish(robot.command(robot.other(0, 0.5)))
    wait_for(lambda: abs(robot.position[0] - start) > 0.1, 5.0, "motion")
    forget_states(robot)
    stand_in.send(signal.SIGSTOP)
    try:
        wait_for(lambda: robot.gate.latched, 3.0, "latched")
        time.sleep(0.2)  # The set-point brakes.
    finally:
        stand_in.send(signal.SIGCONT)
    wait_for(lambda: robot.gate.at_rest, 5.0, "rest")
    assert largest_step(robot) < STEP, "the arm jumped"
    go_on_slowly(robot)

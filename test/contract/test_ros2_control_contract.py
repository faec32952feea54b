"""The contract of a robot, kept by driver_node with an arm behind ros2_control: a stand-in of it in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from drivers.controlled_process import KINDS, start_controlled_arm
from graph import Graph

from strands_robots.description.robot_config import load_robot

from .robot_contract import RobotContract
from .robot_under_test import RobotUnderTest

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", params=KINDS)
def robot(request: pytest.FixtureRequest) -> Iterator[RobotUnderTest]:
    limits = load_robot("ur5e").limits()
    with Graph() as graph:
        controllers = start_controlled_arm(graph, request.param)
        graph.start(
            "driver_node", robot="ur5e=ur5e", driver="ros2_control", controllers=controllers, autostart="activate"
        )
        yield RobotUnderTest(
            graph, "ur5e", limits.names, limits.lower.tolist(), limits.upper.tolist(), uses_simulated_time=False
        )


class TestControlledRobot(RobotContract):
    """driver_node before a joint_trajectory_controller, and before a forward_command_controller."""

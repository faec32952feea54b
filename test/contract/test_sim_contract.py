"""The contract of a robot, kept by sim_node."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from graph import Graph

from strands_robots.robot_config import load_robot

from .robot_contract import RobotContract
from .robot_under_test import RobotUnderTest


@pytest.fixture(scope="module")
def robot() -> Iterator[RobotUnderTest]:
    limits = load_robot("so101").limits()
    with Graph() as graph:
        graph.start("sim_node", robots=["so101=so101"], cameras=False)
        yield RobotUnderTest(
            graph, "so101", limits.names, limits.lower.tolist(), limits.upper.tolist(), uses_simulated_time=True
        )


class TestSimulatedRobot(RobotContract):
    """sim_node in mode realtime."""

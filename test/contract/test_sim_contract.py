"""The contract of a robot, kept by sim_node with every robot that comes with the package."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from graph import Graph

from strands_robots.description.robot_config import load_robot

from .robot_contract import RobotContract
from .robot_under_test import RobotUnderTest


@pytest.fixture(scope="module", params=["so101", pytest.param("panda", marks=pytest.mark.long)])
def robot(request: pytest.FixtureRequest) -> Iterator[RobotUnderTest]:
    name = request.param
    limits = load_robot(name).limits()
    with Graph() as graph:
        graph.start("sim_node", robots=[f"{name}={name}"], cameras=False)
        yield RobotUnderTest(
            graph, name, limits.names, limits.lower.tolist(), limits.upper.tolist(), uses_simulated_time=True
        )


class TestSimulatedRobot(RobotContract):
    """sim_node in mode realtime."""

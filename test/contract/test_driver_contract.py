"""The contract of a robot, kept by driver_node with an SO-101 behind the simulated servo bus."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from drivers.simulated_bus import SimulatedBus, write_calibration
from graph import Graph

from strands_robots.description.robot_config import load_robot

from .robot_contract import RobotContract
from .robot_under_test import RobotUnderTest


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RobotUnderTest]:
    pytest.importorskip("lerobot.motors.feetech")
    folder = tmp_path_factory.mktemp("arm")
    limits = load_robot("so101").limits()
    bus = SimulatedBus(folder)
    try:
        with Graph() as graph:
            graph.start(
                "driver_node", robot="so101=so101", port=bus.port, autostart="activate",
                calibration=str(write_calibration(folder / "mine.json")),
            )  # fmt: skip
            yield RobotUnderTest(
                graph, "so101", limits.names, limits.lower.tolist(), limits.upper.tolist(), uses_simulated_time=False
            )
    finally:
        bus.close()


class TestDrivenRobot(RobotContract):
    """driver_node and a servo bus, from the launch parameters to the bytes."""

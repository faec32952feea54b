"""The console as a part of a graph: its ports, its robots, and that it is started again when it ends."""

from __future__ import annotations

import pytest

from strands_robots.bringup.graph import NodeSpec, OnExit
from strands_robots.bringup.robots import parse_robots
from strands_robots.bringup.sim import LAUNCH_ARGUMENTS, SimOptions, options_from_text, sim_graph
from strands_robots.core.errors import ConfigurationError

pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install -r requirements/console.txt")


def console_of(**options: object) -> list[NodeSpec]:
    graph = sim_graph(SimOptions(parse_robots("so101", ""), **options))  # type: ignore[arg-type]
    return [node for node in graph.nodes if node.name == "console_node"]


def test_it_is_started_when_it_is_asked_for_with_the_next_port_for_the_stop() -> None:
    assert not console_of()
    (node,) = console_of(console=True, console_port=9000, stop_button="left=/dev/input/event3")
    assert node.parameters["port"] == 9000 and node.parameters["stop_port"] == 9001
    assert node.parameters["robots"] == ("so101=so101",) and node.parameters["stop_button"] == "left"
    assert node.on_exit is OnExit.RESTART and node.parameters["use_sim_time"] is False


def test_it_is_a_launch_argument() -> None:
    assert LAUNCH_ARGUMENTS["console"] == "false"
    assert options_from_text({"robot": "so101", "console": "true", "console_port": "9000"}).console_port == 9000


@pytest.mark.parametrize("port", [0, 65535, -1])
def test_a_port_without_a_next_one_is_refused(port: int) -> None:
    with pytest.raises(ConfigurationError, match="1 to 65534"):
        console_of(console=True, console_port=port)

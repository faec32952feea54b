"""agent_node in the graphs: who starts it, under which policy, and what its end means."""

from __future__ import annotations

from pathlib import Path

import pytest

from strands_robots.bringup.graph import NodeSpec, OnExit
from strands_robots.bringup.real import RealOptions, real_graph
from strands_robots.bringup.robots import parse_robots
from strands_robots.bringup.sim import SimOptions, sim_graph
from strands_robots.core.errors import ConfigurationError

ROBOTS = parse_robots("so101", "")


def nodes(options: SimOptions | RealOptions) -> dict[str, NodeSpec]:
    graph = sim_graph(options) if isinstance(options, SimOptions) else real_graph(options)
    return {spec.name: spec for spec in graph.nodes}


def test_graph_is_without_an_agent_unless_asked_for() -> None:
    assert "agent_node" not in nodes(SimOptions(ROBOTS))


def test_agent_of_a_simulation_moves_it_unasked_unless_people_decide() -> None:
    free = nodes(SimOptions(ROBOTS, agent="ollama/llama3"))["agent_node"]
    assert free.parameters["model"] == "ollama/llama3" and free.parameters["config"] == ""
    assert str(free.parameters["policy"]).endswith("approval_policy_simulation.yaml")
    assert free.on_exit is OnExit.OPTIONAL, "a graph goes on without its agent"
    assert nodes(SimOptions(ROBOTS, agent="bedrock", approvals=True))["agent_node"].parameters["policy"] == ""


def test_agent_of_a_real_robot_always_asks_and_there_is_somebody_to_ask(tmp_path: Path) -> None:
    found = nodes(RealOptions("so101", "/dev/x", "id", agent="bedrock"))
    assert found["agent_node"].parameters["policy"] == ""
    assert found["approval_node"].on_exit is OnExit.RESTART
    assert "approval_node" not in nodes(RealOptions("so101", "/dev/x", "id"))


def test_agent_by_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("version: 1\n", encoding="ascii")
    spec = nodes(SimOptions(ROBOTS, agent=str(path)))["agent_node"]
    assert (spec.parameters["config"], spec.parameters["model"]) == (str(path), "")
    with pytest.raises(ConfigurationError, match=r"agent '/no/such\.yaml' does not exist; valid: "):
        SimOptions(ROBOTS, agent="/no/such.yaml")

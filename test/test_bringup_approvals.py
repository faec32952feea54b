"""The graph with operator keys: who gets the keyring, and when approval_node is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from strands_robots.bringup.graph import OnExit
from strands_robots.bringup.robots import parse_robots
from strands_robots.bringup.sim import SimOptions, sim_graph
from strands_robots.core.errors import ConfigurationError

ROBOTS = parse_robots("so101", "")


def test_approval_node_is_started_on_request_with_the_keyring_of_safety_node(tmp_path: Path) -> None:
    path = tmp_path / "keyring.yaml"
    path.write_text("")
    nodes = {spec.name: spec for spec in sim_graph(SimOptions(ROBOTS, approvals=True, keyring=str(path))).nodes}
    approval, safety = nodes["approval_node"], nodes["safety_node"]
    assert approval.on_exit is OnExit.RESTART
    for name in ("keyring", "run_id", "use_sim_time"):
        assert approval.parameters[name] == safety.parameters[name]
    assert approval.parameters["keyring"] == str(path)


def test_graph_is_without_approval_node_unless_asked_for() -> None:
    assert "approval_node" not in {spec.name for spec in sim_graph(SimOptions(ROBOTS)).nodes}


def test_missing_keyring_is_refused_before_anything_starts() -> None:
    with pytest.raises(ConfigurationError, match="keyring '/missing' does not exist"):
        SimOptions(ROBOTS, keyring="/missing")

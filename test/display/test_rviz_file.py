"""The RViz configuration names topics that the graph has, with the durability that their publishers have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def displays() -> dict[str, dict[str, Any]]:
    content = yaml.safe_load((ROOT / "rviz" / "robot.rviz").read_text(encoding="ascii"))
    return {display["Name"]: display for display in content["Visualization Manager"]["Displays"]}


def test_model_frames_cameras_scene_and_gates_are_shown(displays: dict[str, dict[str, Any]]) -> None:
    assert {"RobotModel", "TF", "Wrist camera", "Overhead camera", "Scene", "Gates"} <= displays.keys()
    assert all(display["Enabled"] for display in displays.values())


def test_model_comes_from_our_description_with_our_prefix(displays: dict[str, dict[str, Any]]) -> None:
    model = displays["RobotModel"]
    assert model["TF Prefix"] == "so101" and model["Description Source"] == "Topic"
    assert model["Description Topic"]["Value"] == "so101/robot_description"
    assert model["Description Topic"]["Durability Policy"] == "Transient Local"


def test_topics_said_once_are_read_by_late_readers_too(displays: dict[str, dict[str, Any]]) -> None:
    """An RViz that is volatile would miss what was published before it came; one that is lasting hears no volatile publisher."""
    expected = {"Scene": ("world/markers", "Transient Local"), "Gates": ("gate_markers", "Transient Local")}
    expected |= {
        "Wrist camera": ("so101/wrist/image_raw", "Volatile"),
        "Overhead camera": ("overhead/image_raw", "Volatile"),
    }
    for name, (topic, durability) in expected.items():
        assert (displays[name]["Topic"]["Value"], displays[name]["Topic"]["Durability Policy"]) == (topic, durability)


def test_graph_with_rviz_starts_it_with_this_file_and_the_gates(tmp_path: Path) -> None:
    from strands_robots.bringup.sim import options_from_text, sim_graph

    plain = {spec.name for spec in sim_graph(options_from_text({"robot": "so101"})).nodes}
    nodes = {spec.name: spec for spec in sim_graph(options_from_text({"robot": "so101", "rviz": "true"})).nodes}
    assert set(nodes) - plain == {"rviz2", "gate_marker_node"}
    assert nodes["rviz2"].arguments[0] == "-d" and Path(nodes["rviz2"].arguments[1]).is_file()
    assert nodes["gate_marker_node"].parameters["robots"] == ("so101=so101",)


def test_graph_with_foxglove_serves_it_on_the_port() -> None:
    from strands_robots.bringup.sim import options_from_text, sim_graph

    options = options_from_text({"robot": "so101", "foxglove": "true", "foxglove_port": "9000"})
    node = next(spec for spec in sim_graph(options).nodes if spec.name == "foxglove_node")
    assert node.parameters["port"] == 9000


def test_foxglove_without_its_sdk_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    from strands_robots.bringup.sim import options_from_text, sim_graph
    from strands_robots.core.errors import ConfigurationError

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match="pip install foxglove-sdk"):
        sim_graph(options_from_text({"robot": "so101", "foxglove": "true"}))


@pytest.mark.parametrize("port", ["-1", "65536", "many"])
def test_port_that_is_none_is_refused(port: str) -> None:
    from strands_robots.bringup.sim import options_from_text
    from strands_robots.core.errors import ConfigurationError

    with pytest.raises(ConfigurationError, match="foxglove_port"):
        options_from_text({"robot": "so101", "foxglove_port": port})

"""What the graph of a real arm asks for, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from strands_robots.bringup.graph import OnExit
from strands_robots.bringup.real import RealOptions, real_graph, real_options_from_text
from strands_robots.core.errors import ConfigurationError, UnknownNameError


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"port": "/dev/ttyACM0", "arm": "a"}, "no robot is given"),
        ({"robot": "so101", "arm": "a"}, "no port is given"),
        ({"robot": "so101", "port": "/dev/ttyACM0"}, "lerobot-calibrate"),
        ({"robot": "so101", "port": "p", "arm": "a", "at_exit": "fly"}, "valid: hold, off"),
        ({"robot": "so101@0,0,0", "port": "p", "arm": "a"}, "has a pose"),
        ({"robot": "so101", "port": "p", "arm": "a", "recorder": "perhaps"}, "true or false"),
        ({"robot": "ur5e", "controllers": "ur", "port": "p"}, "port and controllers are given"),
        ({"robot": "so101", "port": "p", "arm": "a", "cameras": "wrist"}, "<camera>=opencv:<device or number>"),
    ],
)
def test_what_is_missing_or_wrong_is_said(given: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigurationError if "fly" not in given.values() else UnknownNameError, match=words):
        real_options_from_text(given)


def test_real_arm_starts_stopped_and_stops_unrecorded() -> None:
    nodes = {node.name: node for node in real_graph(RealOptions("left:=so101", "/dev/ttyACM0", "mine")).nodes}
    safety = nodes["safety_node"].parameters
    assert (safety["arm_on_start"], safety["on_audit_loss"], safety["robots"]) == (False, "stop", ("left",))
    driver = nodes["driver_node"]
    assert driver.on_exit is OnExit.END_GRAPH
    assert (driver.parameters["robot"], driver.parameters["port"]) == ("left=so101", "/dev/ttyACM0")
    assert not any(node.parameters.get("use_sim_time") for node in nodes.values())
    assert "sim_node" not in nodes


def test_second_arm_has_a_driver_of_its_own_in_the_same_graph() -> None:
    options = RealOptions(robot="left:=so101", port="/dev/ttyACM0", arm="l", second="right:=koch,/dev/ttyACM1,r")
    nodes = {node.name: node for node in real_graph(options).nodes}
    right = nodes["driver_right"]
    assert right.executable == nodes["driver_node"].executable and right.on_exit is OnExit.END_GRAPH
    assert [right.parameters[key] for key in ("robot", "port", "arm")] == ["right=koch", "/dev/ttyACM1", "r"]
    assert nodes["safety_node"].parameters["robots"] == ("left", "right")
    assert nodes["motion_node"].parameters["robots"] == ("left=so101", "right=koch")


@pytest.mark.parametrize(
    "second",
    ["right:=so101", "so101,/dev/ttyACM1,r", "right:=so101,/dev/ttyACM0,r", "right:=so101@0,0,0,/dev/ttyACM1,r"],
)
def test_second_arm_without_name_port_or_arm_of_its_own_is_refused(second: str) -> None:
    with pytest.raises(ConfigurationError, match="valid: "):
        RealOptions(robot="so101", port="/dev/ttyACM0", arm="l", second=second)


def test_arm_behind_ros2_control_needs_no_port_and_a_camera_is_a_node_that_the_graph_can_lose() -> None:
    options = RealOptions("ur5e", controllers="ur", cameras="wrist=opencv:/dev/video0", approvals=True)
    nodes = {node.name: node for node in real_graph(options).nodes}
    driver = nodes["driver_node"].parameters
    assert (driver["driver"], driver["controllers"], driver["port"]) == ("ros2_control", "ur", "")
    assert nodes["camera_node"].on_exit is OnExit.OPTIONAL
    assert nodes["camera_node"].parameters["cameras"] == "wrist=opencv:/dev/video0"
    assert "approval_node" in nodes


def test_file_of_controllers_is_found_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "arm.yaml").write_text("{controllers: [{name: a, kind: position}]}")
    monkeypatch.chdir(tmp_path)
    nodes = {node.name: node for node in real_graph(RealOptions("ur5e", controllers="arm.yaml")).nodes}
    assert nodes["driver_node"].parameters["controllers"] == str(tmp_path / "arm.yaml")

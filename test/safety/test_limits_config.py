"""The section `supervision` of a robot's YAML: what is wrong in it is refused in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.share import share_directory
from strands_robots.description.per_joint import per_joint
from strands_robots.description.robot_config import load_robot
from strands_robots.description.supervision_config import LimitsConfig

BOX = {"min": [-0.5, -0.5, 0.0], "max": [0.5, 0.5, 0.6]}


def robot_file(folder: Path, **changes: Any) -> str:
    robot = yaml.safe_load((share_directory() / "config" / "robots" / "so101.yaml").read_text(encoding="utf-8"))
    for key in ("mjcf", "urdf"):
        robot[key] = str(share_directory() / robot[key])
    robot.update(changes)
    path = folder / "robot.yaml"
    path.write_text(yaml.safe_dump(robot, sort_keys=False), encoding="utf-8")
    return str(path)


def test_so101_is_supervised_where_it_can_be() -> None:
    assert load_robot("so101").supervision.absent == ["workspace", "speed_zones"]


def test_robot_without_a_section_is_supervised_for_its_clock_only(tmp_path: Path) -> None:
    found = load_robot(robot_file(tmp_path, supervision={})).supervision
    assert found.absent == [name for name in LimitsConfig.model_fields if name != "clock"]


def test_whole_section_is_read(tmp_path: Path) -> None:
    section = {
        "tracking": {"error": 0.3, "time": 0.2},
        "contact": {"force": 20.0, "time": 0.1, "may_touch": ["cube"]},
        "workspace": {"allowed": BOX, "forbidden": {"shelf": {"min": [0.3, -0.1, 0.2], "max": [0.4, 0.1, 0.3]}}},
        "speed_zones": {"zones": {"free": 1.0, "near": 0.2}, "missing": "slowest"},
    }
    found = load_robot(robot_file(tmp_path, supervision=section)).supervision
    assert found.workspace is not None and list(found.workspace.forbidden) == ["shelf"]
    assert found.speed_zones is not None and found.speed_zones.zones["near"] == 0.2


@pytest.mark.guarantee("Supervision", "a section that is not valid is refused", "description/supervision_config.py")
@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"tracking": {"time": 0.5, "error": {"shoulder_pan": 0.5}}}, "valid: each of shoulder_pan, shoulder_lift"),
        ({"joint_limit": {"margin": {"knee": 0.1}}}, "supervision.joint_limit.margin names knee"),
        ({"tracking": {"error": 0.5, "time": 0.0}}, "greater than 0"),
        (
            {"contact": {"force": 40.0, "time": 0.05, "fingers": ["gripper_link"]}},
            "fingers and finger_force belong together",
        ),
        ({"contact": {"force": float("inf"), "time": 0.05}}, "finite"),
        ({"workspace": {}}, "at least one of them"),
        (
            {"workspace": {"allowed": {"min": [0, 0, 1], "max": [1, 1, 0]}}},
            "z goes from 1.0 to 0.0; valid: min below max",
        ),
        (
            {"workspace": {"forbidden": {"pane": {"min": [0, 0, 0], "max": [1, 1, 0.005]}}}},
            "forbidden box 'pane' is 0.005 m thin",
        ),
        ({"speed_zones": {"zones": {"near": 1.5}, "missing": "stop"}}, "less than or equal to 1"),
        ({"speed_zones": {"zones": {"near": 0.5}}}, "missing"),
        ({"speed_zones": {"zones": {"near": 0.5}, "missing": "guess"}}, "slowest"),
        ({"temprature": {"limit": 60, "time": 1}}, "temprature"),
    ],
)
def test_section_that_is_not_valid_is_refused_in_words(tmp_path: Path, section: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_robot(robot_file(tmp_path, supervision=section))
    assert words in str(refused.value)
    assert str(refused.value).isascii()


def test_workspace_without_a_tool_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="needs a tool_frame"):
        load_robot(robot_file(tmp_path, tool_frame="", supervision={"workspace": {"allowed": BOX}}))


def test_joint_without_a_limit_has_none() -> None:
    assert np.array_equal(per_joint({"a": 1.0, "b": None}, ("b", "a")), [np.inf, 1.0])
    assert np.array_equal(per_joint(0.5, ("b", "a")), [0.5, 0.5])

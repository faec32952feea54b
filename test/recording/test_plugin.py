"""The LeRobot plug-in without a graph: what LeRobot sees of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

PLUGIN = Path(__file__).resolve().parents[2] / "src" / "lerobot_robot_strands"


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(PLUGIN))
    module = __import__("lerobot_robot_strands")
    assert Path(str(sys.modules["lerobot_robot_strands"].__file__)).is_relative_to(PLUGIN)
    return module


def test_lerobot_makes_robot_and_teleoperator_from_their_types(plugin: Any) -> None:
    from lerobot.robots.config import RobotConfig
    from lerobot.robots.utils import make_robot_from_config
    from lerobot.teleoperators.config import TeleoperatorConfig
    from lerobot.teleoperators.utils import make_teleoperator_from_config

    robot = make_robot_from_config(RobotConfig.get_choice_class("strands")(graph_cameras={"wrist": (480, 640)}))
    leader = make_teleoperator_from_config(TeleoperatorConfig.get_choice_class("strands_leader")())
    assert robot.observation_features["wrist"] == (480, 640, 3)
    assert robot.action_features == leader.action_features
    assert next(iter(robot.action_features)) == "shoulder_pan.pos"
    assert robot.is_calibrated and not robot.is_connected
    assert robot.name == robot.robot_type == "so_follower", "LeRobot's commands write it into their datasets"


def test_robot_that_is_not_connected_says_so(plugin: Any) -> None:
    from lerobot.utils.errors import DeviceNotConnectedError

    robot = plugin.StrandsRobot(plugin.StrandsRobotConfig())
    with pytest.raises(DeviceNotConnectedError, match=r"valid: connect\(\) first"):
        robot.get_observation()
    with pytest.raises(DeviceNotConnectedError, match=r"valid: connect\(\) first"):
        robot.send_action({"shoulder_pan.pos": 1.0})

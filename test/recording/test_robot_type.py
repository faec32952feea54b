"""robot_type is what LeRobot's own recorder writes."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import pytest

from strands_robots.core.share import robot_names
from strands_robots.dataset.robot_type import current_type, lerobot_name, robot_type
from strands_robots.description.lerobot_units import Units
from strands_robots.description.robot_config import load_robot


def lerobot_classes() -> dict[str, Any]:
    """Return LeRobot's robot classes by their type on the command line."""
    import lerobot.robots
    from lerobot.robots.config import RobotConfig
    from lerobot.robots.robot import Robot

    for module in pkgutil.iter_modules(lerobot.robots.__path__):
        try:
            importlib.import_module(f"lerobot.robots.{module.name}.{module.name}")
        except ImportError:
            continue  # The library of another robot is not installed.
    names = RobotConfig.get_known_choices()
    return {
        name: kind
        for kind in Robot.__subclasses__()
        for name, config in names.items()
        if issubclass(config, kind.config_class)
    }


@pytest.mark.parametrize("name", [name for name in robot_names() if load_robot(name).hardware is not None])
def test_robot_is_called_as_the_class_of_lerobot(name: str) -> None:
    config = load_robot(name)
    assert config.hardware is not None
    assert lerobot_name(config) == lerobot_classes()[config.hardware.lerobot].name


def test_types_of_one_robot_of_two_and_of_other_units() -> None:
    so, panda = load_robot("so101"), load_robot("panda")
    assert robot_type({"arm": so}) == robot_type({"arm": load_robot("so100")}) == "so_follower"
    assert robot_type({"left": so, "right": so}) == "bi_so_follower"
    assert robot_type({"a": so, "b": panda}) == "so_follower+panda"
    assert robot_type({"arm": so}, Units.SI) == "so101_si", "LeRobot would merge radians with degrees"


def test_former_types_are_those_of_today_only_with_the_robots_joints() -> None:
    names = [f"{joint}.pos" for joint in load_robot("so101").joints]
    for former in ("so101", "so100", "strands", "so101_follower", "so_follower"):
        assert current_type(former, names) == "so_follower"
    assert current_type("strands", ["a.pos"]) == "strands" and current_type("panda", names) == "panda"

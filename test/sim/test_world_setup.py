"""Parameters of sim_node -> description of a world."""

from __future__ import annotations

from pathlib import Path

import pytest

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.description.robot_spec import SPACING, robot_spec
from strands_robots.sim.world.world_setup import world_config

ARM = Path(__file__).parents[1] / "data" / "two_joint_arm.xml"


def test_robots_without_a_place_stand_apart() -> None:
    config = world_config(["left=so101", "right=so101"], "", 0.002, 15.0)
    assert [robot.position for robot in config.robots] == [(0.0, 0.0, 0.0), (0.0, -SPACING, 0.0)]
    assert [robot.name for robot in config.robots] == ["left", "right"]


def test_camera_rate_holds_for_every_camera() -> None:
    config = world_config(["so101=so101"], "", 0.002, 15.0)
    assert config.overhead is not None and config.overhead.rate == 15.0
    assert {camera.rate for camera in config.robots[0].config.cameras.values()} == {15.0}


def test_place_is_read_from_the_end() -> None:
    spec = robot_spec("arm=so101@0.1,-0.2,3e-1,1.5", 0, 30.0)
    assert (spec.position, spec.yaw) == ((0.1, -0.2, 0.3), 1.5)


def test_model_files_are_described() -> None:
    assert robot_spec(f"arm={ARM}", 0, 30.0).config.joints


@pytest.mark.parametrize("text", ["so101", "=so101", "arm=", "", "Arm=so101"])
def test_text_that_is_no_robot_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        robot_spec(text, 0, 30.0)


def test_unknown_robot_and_missing_files_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="so101"):
        robot_spec("arm=so100000", 0, 30.0)
    with pytest.raises(ConfigurationError, match="does not exist"):
        robot_spec("arm=/nowhere/arm.xml", 0, 30.0)
    with pytest.raises(ConfigurationError, match="scene"):
        world_config(["arm=so101"], "/nowhere/scene.xml", 0.002, 30.0)
    with pytest.raises(ConfigurationError, match="no robot"):
        world_config([], "", 0.002, 30.0)

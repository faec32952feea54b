"""The small test arm, and worlds of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from strands_robots.description.robot_config import RobotConfig
from strands_robots.description.robot_model import describe_model
from strands_robots.sim.world.world import RobotSpec, World, WorldConfig

DATA = Path(__file__).resolve().parents[1] / "data"
MJCF = DATA / "two_joint_arm.xml"
URDF = DATA / "two_joint_arm.urdf"


def arm(**changes: Any) -> RobotConfig:
    """Return the test arm's description, validated again after the changes."""
    return RobotConfig.model_validate(describe_model(MJCF).model_dump() | changes)


def one_arm_world(**changes: Any) -> World:
    return World(WorldConfig(robots=(RobotSpec("arm", arm(**changes)),)))


def two_arm_world() -> World:
    return World(
        WorldConfig(
            robots=(RobotSpec("left", arm(), (0.0, 0.4, 0.0)), RobotSpec("right", arm(), (0.0, -0.4, 0.0), 1.57))
        )
    )


def changed(tmp_path: Path, old: str, new: str, source: Path = MJCF) -> Path:
    """Return a copy of a model file with one text replaced."""
    text = source.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / source.name
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path

"""From the node's parameters to the description of a world. ROS-free."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from strands_robots.core.errors import ConfigurationError
from strands_robots.description.robot_config import CameraConfig
from strands_robots.description.robot_spec import robot_spec
from strands_robots.sim.world.world_config import WorldConfig


def world_config(robots: Sequence[str], scene: str, timestep: float, camera_rate: float) -> WorldConfig:
    """Return the description of a world.

    Args:
        robots: One "<name>=<robot>" each, see `robot_spec`.
        scene: MJCF file of the surroundings; empty for a floor.
        timestep: Physics timestep [s].
        camera_rate: Pictures of each camera per simulated second [Hz].

    Raises:
        ConfigurationError: If anything is not valid.
    """
    specs = tuple(robot_spec(text, i, camera_rate) for i, text in enumerate(robots))
    if not specs:
        raise ConfigurationError("no robot is given; valid: at least one '<name>=<robot>'")
    path = Path(scene).expanduser() if scene else None
    if path is not None and not path.is_file():
        raise ConfigurationError(f"scene '{scene}' does not exist; valid: an MJCF file, or nothing")
    return WorldConfig(robots=specs, timestep=timestep, scene=path, overhead=CameraConfig(rate=camera_rate))

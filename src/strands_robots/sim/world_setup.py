"""From the node's parameters to the description of a world. ROS-free."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from strands_robots.errors import ConfigurationError
from strands_robots.model_names import is_model_file
from strands_robots.robot_config import CameraConfig, RobotConfig, load_robot
from strands_robots.sim.robot_model import describe_model
from strands_robots.sim.world_config import RobotSpec, WorldConfig

SPACING = 0.8
"""Distance of robots that are given no place, along the world's y axis [m]."""

_NUMBER = r"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?"
_PLACE = re.compile(rf"(.+)@({_NUMBER}),({_NUMBER}),({_NUMBER})(?:,({_NUMBER}))?")


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


def robot_spec(text: str, index: int, camera_rate: float) -> RobotSpec:
    """Return one robot of "<name>=<robot>" or "<name>=<robot>@<x>,<y>,<z>[,<yaw>]".

    Args:
        text: `robot` is a name in config/robots or a YAML, MJCF or URDF file; x, y, z [m] and yaw [rad] place its base.
        index: Number of the robot; without a place, robots stand `SPACING` apart.
        camera_rate: Pictures of each of its cameras per simulated second [Hz].

    Raises:
        ConfigurationError: If it cannot be read or the robot is not known.
    """
    name, separator, reference = text.strip().partition("=")
    if not separator or not name or not reference:
        raise ConfigurationError(
            f"robot '{ascii(text)[1:-1]}' given; valid: '<name>=<robot>' or '<name>=<robot>@<x>,<y>,<z>[,<yaw>]'"
        )
    position, yaw = (0.0, -SPACING * index, 0.0), 0.0
    placed = _PLACE.fullmatch(reference)
    if placed is not None:
        reference = placed[1]
        position, yaw = (float(placed[2]), float(placed[3]), float(placed[4])), float(placed[5] or 0.0)
    config, source = _describe(reference)
    cameras = {key: camera.model_copy(update={"rate": camera_rate}) for key, camera in config.cameras.items()}
    return RobotSpec(name, config.model_copy(update={"cameras": cameras}), position, yaw, source)


def _describe(reference: str) -> tuple[RobotConfig, str]:
    """Return the configuration, and the reference in a form that does not depend on the working directory."""
    if not is_model_file(reference):
        is_file = reference.endswith((".yaml", ".yml"))
        return load_robot(reference), str(Path(reference).expanduser().absolute()) if is_file else reference
    path = Path(reference).expanduser()
    if not path.is_file():
        raise ConfigurationError(f"robot file '{reference}' does not exist")
    return describe_model(path), str(path.absolute())

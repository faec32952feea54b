"""From the node's parameters to the description of a world. ROS-free."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable
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


@contextlib.contextmanager
def naming_robots(robots: Sequence[str]) -> Iterator[None]:
    """Let an error name the robot and the file that it comes from: a person who starts a graph sees its last line first.

    Args:
        robots: One "<name>=<robot>" each; all of them are named where the error does not say which.

    Raises:
        ConfigurationError: In place of one that does not name the robot's file.
    """
    try:
        yield
    except ConfigurationError as error:
        words = str(error)
        given = [text.strip().partition("=")[::2] for text in robots]
        if not given or any(file in words for _, file in given):
            raise
        meant = [entry for entry in given if re.search(rf"'{re.escape(entry[0])}['/]", words)] or given
        named = ", ".join(f"'{printable(name)}' ({printable(file)})" for name, file in meant)
        raise ConfigurationError(f"robot {named}: {words}") from error

"""One robot of a world or a graph, and where it stands."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.names import GRAPH_NAME_RULE, is_graph_name
from strands_robots.core.text import printable
from strands_robots.description.file_rule import ANY_FILE, FileRule
from strands_robots.description.model_suffixes import is_model_file
from strands_robots.description.robot_config import RobotConfig, load_robot
from strands_robots.description.robot_model import describe_model


@dataclass(frozen=True)
class RobotSpec:
    """One robot and where it stands.

    Attributes:
        name: Its name in the world and on the graph; unique.
        config: What kind of robot it is.
        position: Origin of its base in the world frame [m].
        yaw: Rotation about the world's z axis [rad].
        source: What the configuration was made from, for others who need it: a known robot or a file; empty when unknown.
        rule: Which files its model may consist of, each time that it is opened.
    """

    name: str
    config: RobotConfig
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    yaw: float = 0.0
    source: str = field(default="", compare=False)
    rule: FileRule = field(default=ANY_FILE, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not is_graph_name(self.name):
            raise ConfigurationError(f"robot name '{printable(self.name)}' is not valid; valid: {GRAPH_NAME_RULE}")
        if len(self.position) != 3 or not all(math.isfinite(value) for value in (*self.position, self.yaw)):
            raise ConfigurationError(
                f"robot '{self.name}' is placed at {self.position}, yaw {self.yaw}; valid: three finite numbers and one"
            )


SPACING = 0.8
"""Distance of robots that are given no place, along the world's y axis [m]."""


_NUMBER = r"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?"


_PLACE = re.compile(rf"(.+)@({_NUMBER}),({_NUMBER}),({_NUMBER})(?:,({_NUMBER}))?")


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
            f"robot '{printable(text)}' given; valid: '<name>=<robot>' or '<name>=<robot>@<x>,<y>,<z>[,<yaw>]'"
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

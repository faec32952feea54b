"""What a simulated world is made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from strands_robots.core.errors import ConfigurationError
from strands_robots.description.file_rule import ANY_FILE, FileRule
from strands_robots.description.robot_config import CameraConfig
from strands_robots.description.robot_spec import RobotSpec

if TYPE_CHECKING:
    from strands_robots.sim.randomize.variations import Variation
    from strands_robots.sim.scene.terrain import Terrain

MAX_ROBOTS = 30  # MuJoCo switches actuator groups 0 to 30; group 0 belongs to the scene.
MAX_GRAVITY = 1000.0  # [m/s^2]


@dataclass(frozen=True)
class WorldConfig:
    """Options of a world.

    Attributes:
        robots: The robots, in the order in which they are reported.
        timestep: Physics timestep [s]; overrides that of `scene`.
        scene: MJCF file with the surroundings; None gives a floor, a sky and lights.
        scene_xml: The surroundings as MJCF text, instead of `scene`.
        scene_rule: Which files the surroundings may consist of.
        gravity: Gravity [m/s^2], world axes; None takes that of the surroundings.
        ground: Ground instead of the surroundings' shape "floor"; None takes that of the surroundings.
        left_out: Robots whose parts are left out of the surroundings, which may be an export of a world that had them. Those of
            `robots` always are.
        cameras: Options of cameras of the surroundings, by name; the others have those of `overhead`.
        overhead: Size and rate of the camera that looks down on the robots; None leaves it out. A camera of that name in `scene`
            is used as it is.
        variations: What every reset draws anew.
    """

    robots: tuple[RobotSpec, ...]
    timestep: float = 0.002
    scene: Path | None = None
    overhead: CameraConfig | None = field(default_factory=CameraConfig)
    scene_xml: str = ""
    scene_rule: FileRule = field(default=ANY_FILE, repr=False)
    left_out: tuple[str, ...] = ()
    cameras: Mapping[str, CameraConfig] = field(default_factory=dict)
    gravity: tuple[float, float, float] | None = None
    ground: Terrain | None = None
    variations: tuple[Variation, ...] = ()

    def __post_init__(self) -> None:
        if self.gravity is not None and not all(abs(value) <= MAX_GRAVITY for value in self.gravity):
            raise ConfigurationError(
                f"gravity is {self.gravity}; valid: three finite numbers, at most {MAX_GRAVITY:g} m/s^2"
            )
        if not 1e-5 <= self.timestep <= 0.05:
            raise ConfigurationError(f"timestep is {self.timestep} s; valid: 0.00001 to 0.05")
        names = [robot.name for robot in self.robots]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigurationError(f"robot names must be unique; given twice: {', '.join(twice)}")
        if len(names) > MAX_ROBOTS:
            raise ConfigurationError(f"{len(names)} robots in one world; valid: at most {MAX_ROBOTS}")


def keep_robots(config: WorldConfig, present: Sequence[RobotSpec]) -> WorldConfig:
    """Return the configuration with the present robots' own specs in the place of those that are equal to them."""
    known = {spec.name: spec for spec in present}
    robots = tuple(known[spec.name] if known.get(spec.name) == spec else spec for spec in config.robots)
    return dataclasses.replace(config, robots=robots)

"""Which cameras a real robot has: "<camera>=<type>:<source>" between semicolons, or a YAML file. No I/O but reading that file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.names import GRAPH_NAME_RULE, is_graph_name
from strands_robots.core.text import printable
from strands_robots.core.validation import reading_problem
from strands_robots.description.robot_config import CameraConfig

TYPES = ("opencv", "realsense")
_VALID = "<camera>=opencv:<device or number> or <camera>=realsense:<serial number>, between semicolons, or a .yaml file"


class RealCamera(BaseModel):
    """One camera.

    Attributes:
        type: Which of LeRobot's classes reads it.
        source: OpenCV's device ("/dev/video0", "0", a video file), or a RealSense's serial number or name.
        width, height: Size of its pictures [px]; 0 for the robot's configuration, else the device's own.
        rate: Pictures a second [Hz]; 0 likewise.
        native: Take size and rate as the device gives them, whatever the robot's configuration says.
        fourcc: Format that an OpenCV camera is asked for, for example MJPG; empty for its own.
        rotation: By which the pictures are turned [deg].
        depth: Publish the depth of a RealSense as well.
        calibration: File that the camera_calibration package of ROS wrote; None publishes an uncalibrated camera_info.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["opencv", "realsense"]
    source: Annotated[str, Field(min_length=1, max_length=512)]
    width: Annotated[int, Field(ge=0, le=8192)] = 0
    height: Annotated[int, Field(ge=0, le=8192)] = 0
    rate: Annotated[int, Field(ge=0, le=240)] = 0
    native: bool = False
    fourcc: Annotated[str, Field(pattern=r"^([A-Z0-9]{4})?$")] = ""
    rotation: Literal[0, 90, 180, 270] = 0
    depth: bool = False
    calibration: Path | None = None


def parse_cameras(text: str) -> dict[str, RealCamera]:
    """Return the cameras by name.

    Args:
        text: As a person writes them, or the path of a YAML file of name: {type, source, ...}; empty for none.

    Raises:
        ConfigurationError: If it cannot be read; says what is valid.
    """
    text = text.strip()
    if not text:
        return {}
    if text.endswith((".yaml", ".yml")):
        return _from_file(Path(text).expanduser())
    given: dict[object, object] = {}
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        name, separator, rest = entry.partition("=")
        kind, colon, source = rest.partition(":")
        if not separator or not colon or not source:
            raise ConfigurationError(f"camera '{printable(entry)}' cannot be read; valid: {_VALID}")
        if name in given:
            raise ConfigurationError(f"camera '{printable(name)}' is given twice; valid: every camera once")
        given[name] = {"type": kind, "source": source}
    return _checked(given, "cameras")


def complete(cameras: Mapping[str, RealCamera], known: Mapping[str, CameraConfig]) -> dict[str, RealCamera]:
    """Return the cameras with the sizes and rates of the robot's configuration where they give none.

    Args:
        cameras: As given.
        known: The robot's cameras; so real pictures have the shapes of simulated ones.

    Raises:
        ConfigurationError: If only one of width and height is known.
    """
    made = {}
    for name, camera in cameras.items():
        config = known.get(name)
        if config is not None and not camera.native:
            size = {"width": camera.width or config.width, "height": camera.height or config.height}
            camera = camera.model_copy(update={**size, "rate": camera.rate or round(config.rate)})
        if bool(camera.width) is not bool(camera.height):
            raise ConfigurationError(
                f"camera '{name}' has width {camera.width} and height {camera.height}; valid: both or none"
            )
        made[name] = camera
    return made


def _from_file(path: Path) -> dict[str, RealCamera]:
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"cameras file '{printable(str(path))}' cannot be read: {error}") from error
    if not isinstance(given, dict):
        raise ConfigurationError(
            f"cameras file '{path}' is no mapping; valid: <camera>: {{type: opencv, source: /dev/video0}}"
        )
    return _checked(given, f"cameras file '{path}'")


def _checked(given: Mapping[object, object], where: str) -> dict[str, RealCamera]:
    cameras = {}
    for name, entry in given.items():
        if not isinstance(name, str) or not is_graph_name(name):
            raise ConfigurationError(f"{where}: camera name {name!a} cannot be used on ROS; valid: {GRAPH_NAME_RULE}")
        try:
            cameras[name] = RealCamera.model_validate(entry)
        except ValidationError as error:
            raise ConfigurationError(
                f"{where}: camera '{name}' is not valid: {reading_problem(error, name)}; valid: {_VALID}"
            ) from error
    return cameras

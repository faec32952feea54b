"""What a list of robots shows of each: read without checking the rest, and without the libraries that check it."""

from __future__ import annotations

from typing import NamedTuple

import yaml

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.share import share_directory

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class RobotSummary(NamedTuple):
    """One robot of config/robots, in words; `licence` is empty where the file states none."""

    name: str
    description: str
    licence: str


def robot_summary(name: str) -> RobotSummary:
    """Return the words of a robot that comes with the package; `load_robot` checks the whole file.

    Args:
        name: Name in config/robots.

    Raises:
        ConfigurationError: If the file cannot be read or is no mapping.
    """
    path = share_directory() / "config" / "robots" / f"{name}.yaml"
    try:
        given = yaml.load(path.read_text(encoding="utf-8"), _LOADER)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"robot file '{path}' is not valid: {error}") from error
    if not isinstance(given, dict):
        raise ConfigurationError(f"robot file '{path}' is not valid: it is no mapping")
    return RobotSummary(
        str(given.get("name", name)), str(given.get("description", "")), str(given.get("licence") or "")
    )

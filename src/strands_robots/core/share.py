"""The files that come with the package: config/, urdf/, launch/. Imports nothing heavy, so that commands start fast."""

from __future__ import annotations

import os
from pathlib import Path

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.core.text import printable


def share_directory() -> Path:
    """Return the folder that holds config/, urdf/ and launch/: the installed share, else the source tree.

    Raises:
        ConfigurationError: If there is neither.
    """
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        share = Path(prefix) / "share" / "strands_robots"
        if prefix and share.is_dir():
            return share
    source = Path(__file__).resolve().parents[2]
    if (source / "config" / "robots").is_dir():
        return source
    raise ConfigurationError(
        "share/strands_robots was found neither on AMENT_PREFIX_PATH nor beside the sources; "
        "source install/setup.bash first"
    )


def find_share() -> Path | None:
    """Return the same folder, or None."""
    try:
        return share_directory()
    except ConfigurationError:
        return None


def config_names(folder: str) -> list[str]:
    """Return the names of the YAML files that come with the package in a folder of config/."""
    return sorted(path.stem for path in (share_directory() / "config" / folder).glob("*.yaml"))


def robot_names() -> list[str]:
    """Return the names of the robots that come with the package."""
    return config_names("robots")


def config_text(kind: str, folder: str, given: str) -> str:
    """Return the YAML that a person named.

    Args:
        kind: What it is, for messages, for example "task".
        folder: Folder of config/ with those that come with the package.
        given: Name in that folder, path of a YAML file, or the YAML itself (a mapping, so with a colon).

    Raises:
        UnknownNameError: If it is no mapping, and neither a known name nor a file.
        ConfigurationError: If the file does not exist.
    """
    if ":" in given:
        return given
    path = Path(given).expanduser()
    if path.suffix not in (".yaml", ".yml"):
        path = share_directory() / "config" / folder / f"{given}.yaml"
        if "/" in given or not path.is_file():
            raise UnknownNameError(kind, given, config_names(folder))
    if not path.is_file():
        raise ConfigurationError(f"{kind} file '{printable(given)}' does not exist")
    return path.read_text(encoding="utf-8", errors="replace")

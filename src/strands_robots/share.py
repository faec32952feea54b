"""The files that come with the package: config/, urdf/, launch/. Imports nothing heavy, so that commands start fast."""

from __future__ import annotations

import os
from pathlib import Path

from strands_robots.errors import ConfigurationError


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


def robot_names() -> list[str]:
    """Return the names of the robots that come with the package."""
    return sorted(path.stem for path in (share_directory() / "config" / "robots").glob("*.yaml"))

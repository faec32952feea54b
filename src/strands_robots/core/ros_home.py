"""The folder of ROS's own files, below which this package keeps its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def ros_home(environ: Mapping[str, str] = os.environ) -> Path:
    """Return $ROS_HOME, else ~/.ros."""
    return Path(environ.get("ROS_HOME", "") or "~/.ros").expanduser()

"""The environment of a graph's processes: discovery and middleware. A variable that is set stays."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from strands_robots.core.graph_environment import transport_variables
from strands_robots.core.parent_end import signal_with_parent_prefix

PARENT_VARIABLE = "STRANDS_ROBOTS_PARENT_PID"
"""Says to every node whose process id must stay alive; read in ros/process/main.py."""


def graph_environment(environ: Mapping[str, str], share: Path | None) -> dict[str, str]:
    """Return the variables to add for the processes of a graph.

    Args:
        environ: The environment that they inherit.
        share: Folder with the profiles of Fast DDS; None when there is none.
    """
    added = {PARENT_VARIABLE: str(os.getpid()), "PYTHONUNBUFFERED": "1"}
    transports = transport_variables(environ, share, has_pictures=True)
    # What has to be taken away each node takes away for itself (ros/process/main.py).
    added.update({name: value for name, value in transports.items() if value is not None})
    if sys.stdout.isatty() and "RCUTILS_COLORIZED_OUTPUT" not in environ:
        added["RCUTILS_COLORIZED_OUTPUT"] = "1"
    return added


def end_with_parent_prefix() -> tuple[str, ...]:
    """Return the words before a command that end it when this process is killed; empty where setpriv(1) is missing.

    The nodes of this package ask for the same themselves; this holds also before their Python is up, and for programs
    of others.
    """
    return signal_with_parent_prefix(signal.SIGTERM)

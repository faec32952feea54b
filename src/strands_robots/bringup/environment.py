"""The environment of a graph's processes: discovery, middleware and the Zenoh router. A variable that is set stays."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from strands_robots.bringup.graph import NodeSpec, OnExit

PARENT_VARIABLE = "STRANDS_ROBOTS_PARENT_PID"
"""Says to every node whose process id must stay alive; read in ros/process/main.py."""

ZENOH_ROUTER = ("localhost", 7447)

_FASTDDS = ("rmw_fastrtps_cpp", "rmw_fastrtps_dynamic_cpp")
_FASTDDS_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_BUILTIN_TRANSPORTS")
_DISCOVERY_VARIABLES = ("ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_LOCALHOST_ONLY", "ROS_STATIC_PEERS")


def graph_environment(environ: Mapping[str, str], simulated: bool, share: Path | None) -> dict[str, str]:
    """Return the variables to add for the processes of a graph.

    Args:
        environ: The environment that they inherit.
        simulated: A simulated graph stays on its machine, so that it never moves a neighbour's arm.
        share: Folder with config/fastdds.xml; None when there is none.
    """
    added = {PARENT_VARIABLE: str(os.getpid()), "PYTHONUNBUFFERED": "1"}
    if simulated:
        added.update(local_discovery(environ))
    added.update(middleware_environment(environ, share))
    if sys.stdout.isatty() and "RCUTILS_COLORIZED_OUTPUT" not in environ:
        added["RCUTILS_COLORIZED_OUTPUT"] = "1"
    return added


def local_discovery(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variable that keeps discovery on this machine; nothing when the user chose.

    Source: docs.ros.org/en/jazzy, "Improved Dynamic Discovery"; Humble knows only ROS_LOCALHOST_ONLY.
    """
    if any(environ.get(name) for name in _DISCOVERY_VARIABLES):
        return {}
    if environ.get("ROS_DISTRO") == "humble":
        return {"ROS_LOCALHOST_ONLY": "1"}
    return {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}


def middleware_environment(environ: Mapping[str, str], share: Path | None) -> dict[str, str]:
    """Return the variables that give Fast DDS room for images; none for another middleware or when the user chose."""
    profiles = share / "config" / "fastdds.xml" if share else None
    if environ.get("RMW_IMPLEMENTATION", "") not in ("", *_FASTDDS) or any(
        environ.get(name) for name in _FASTDDS_VARIABLES
    ):
        return {}
    if profiles is None or not profiles.is_file():
        return {}
    return dict.fromkeys(_FASTDDS_VARIABLES[:2], str(profiles))


def zenoh_router(environ: Mapping[str, str]) -> NodeSpec | None:
    """Return the router to start with the graph.

    None with another middleware, with a configuration of the user's, or when one answers.
    """
    if environ.get("RMW_IMPLEMENTATION") != "rmw_zenoh_cpp" or environ.get("ZENOH_SESSION_CONFIG_URI"):
        return None
    try:
        with socket.create_connection(ZENOH_ROUTER, timeout=0.5):
            return None
    except OSError:
        return NodeSpec(
            "rmw_zenohd", "zenoh_router", package="rmw_zenoh_cpp", is_ros_node=False, on_exit=OnExit.RESTART
        )


def end_with_parent_prefix() -> tuple[str, ...]:
    """Return the words before a command that end it when this process is killed; empty where setpriv(1) is missing.

    The nodes of this package ask for the same themselves; this holds also before their Python is up, and for programs
    of others.

    Source: setpriv(1) of util-linux, --pdeathsig.
    """
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "TERM") if setpriv else ()

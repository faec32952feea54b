"""Python, ROS 2 and the interfaces of this package."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from strands_robots.doctor.machine import Machine
from strands_robots.doctor.result import Result, failed, ok, warning

OLDEST, NEWEST = (3, 10), (3, 14)
_RUN_ON = ("humble", "jazzy", "kilted")
"""Distributions on which the graph was run (docs/reference/compatibility.md)."""

_REQUIRED = ("cryptography", "mujoco", "numpy", "PIL", "psutil", "pydantic", "rich", "typer", "yaml")

_IMPORTS = (
    "import importlib.util, json; print(json.dumps([n for n in {names!r} if importlib.util.find_spec(n) is None]))"
)
_RCLPY = "import json, rclpy; print(json.dumps(rclpy.__file__))"
_INTERFACES = "import strands_robots.msg, strands_robots.srv, strands_robots.action; print(strands_robots.msg.__file__)"


def check_python(machine: Machine, version: tuple[int, int] | None = None) -> Result:
    """The Python and the packages that every node needs."""
    version = version or sys.version_info[:2]
    here = f"{version[0]}.{version[1]} ({machine.python})"
    if not OLDEST <= version <= NEWEST:
        return failed(
            "python",
            f"{here}; valid: 3.10 to 3.14",
            "sudo apt install python3.12 python3.12-venv, or python3.10 on Ubuntu 22.04",
            "then: make clean && make setup PYTHON=python3.12",
        )
    answer = machine.run_python(_IMPORTS.format(names=_REQUIRED))
    missing = json.loads(answer.output) if answer.code == 0 else ["what was asked for: " + answer.last_words]
    if missing:
        return failed(
            "python",
            f"{here} lacks {', '.join(missing)}",
            "make setup, then: source install/setup.bash",
            f"or: {machine.python} -m pip install -r requirements/base.txt",
        )
    return ok("python", here)


def check_ros(machine: Machine) -> Result:
    """The ROS 2 installation, and where it comes from."""
    answer = machine.run_python(_RCLPY)
    distro = machine.environ.get("ROS_DISTRO", "")
    if answer.code != 0:
        sourced = sorted((machine.root / "opt" / "ros").glob("*/setup.bash"))
        return failed(
            "ros",
            f"rclpy cannot be imported: {answer.last_words}",
            f"source {sourced[-1]}" if sourced else "make setup (brings ROS 2 as Python wheels)",
            "then: source install/setup.bash",
        )
    origin = Path(json.loads(answer.output.strip().splitlines()[-1]))
    prefix = next((str(parent) for parent in origin.parents if parent.name.startswith(("python3", "lib"))), str(origin))
    where = f"installation {prefix}" if "/opt/ros/" in str(origin) else f"wheels or workspace in {prefix}"
    if distro not in _RUN_ON:
        name = f"'{distro}'" if distro else "not set"
        return warning(
            "ros",
            f"ROS_DISTRO is {name}, {where}; run on: {', '.join(_RUN_ON)}",
            "source /opt/ros/jazzy/setup.bash (or another of these), or install/setup.bash of this workspace",
            "another distribution may work; docs/reference/compatibility.md says what was run",
        )
    return ok("ros", f"{distro}, {where}")


def check_interfaces(machine: Machine) -> Result:
    """The messages of this package, which colcon builds."""
    answer = machine.run_python(_INTERFACES)
    if answer.code != 0:
        return failed(
            "interfaces",
            f"strands_robots.msg cannot be imported: {answer.last_words}",
            "make build (or: colcon build in your workspace)",
            "then: source install/setup.bash in this shell",
        )
    return ok("interfaces", str(Path(answer.output.strip()).parents[1]))

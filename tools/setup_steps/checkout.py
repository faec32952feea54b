"""Where everything lies in a checkout, and whose ROS 2 it uses."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from setup_steps.report import SetupError, mark_done

_SEARCH_PATHS = (
    "AMENT_PREFIX_PATH",
    "CMAKE_PREFIX_PATH",
    "COLCON_PREFIX_PATH",
    "LD_LIBRARY_PATH",
    "PATH",
    "PYTHONPATH",
)


@dataclass(frozen=True)
class Ros:
    """The ROS 2 to build against.

    Attributes:
        distribution: Its name, as in ROS_DISTRO.
        prefix: The prefix that holds rclpy; None stands for the wheels, whose prefix is the virtual environment.
    """

    distribution: str
    prefix: Path | None

    @property
    def is_wheels(self) -> bool:
        return self.prefix is None

    def __str__(self) -> str:
        return f"ROS 2 {self.distribution} " + ("from PyPI wheels" if self.prefix is None else f"in {self.prefix}")


def wheels_for(version: tuple[int, int]) -> tuple[str, str]:
    """Return the distribution whose wheels fit a Python, and the requirements file with them: Jazzy's end at 3.12."""
    return ("jazzy", "ros-wheels") if version <= (3, 12) else ("kilted", "ros-wheels-kilted")


@dataclass(frozen=True)
class Checkout:
    """The folders of one checkout."""

    root: Path

    @property
    def state(self) -> Path:
        """Logs and stamps of the set-up."""
        return self.root / ".setup"

    @property
    def install(self) -> Path:
        return self.root / "install"

    def venv(self, ros: Ros) -> Path:
        """The virtual environment; each ROS installation has its own, since it shares that installation's packages."""
        return self.root / (".venv" if ros.is_wheels else f".venv-{ros.distribution}")

    def requirements(self, *names: str) -> list[Path]:
        return [self.root / "requirements" / f"{name}.txt" for name in names]


def clean_environment(checkout: Checkout) -> dict[str, str]:
    """Return this process's environment without what this checkout, or a virtual environment, has put there."""
    env = dict(os.environ)
    for name in _SEARCH_PATHS:
        kept = [part for part in env.get(name, "").split(os.pathsep) if part and not _is_ours(Path(part), checkout)]
        env.pop(name, None)
        if kept:
            env[name] = os.pathsep.join(kept)
    for name in ("VIRTUAL_ENV", "PYTHONHOME", "_ROS_WHEELS_BOOTSTRAP_COMPLETE"):
        env.pop(name, None)
    return env


def _is_ours(path: Path, checkout: Checkout) -> bool:
    try:
        top = path.resolve().relative_to(checkout.root).parts[:1]
    except ValueError:
        return False
    return bool(top) and (top[0] in ("install", "build") or top[0].startswith(".venv"))


def find_ros(checkout: Checkout, env: dict[str, str]) -> Ros:
    """Return the ROS installation that the caller has sourced, else the wheels.

    Raises:
        SetupError: If the checkout was set up with a ROS installation that is not sourced now.
    """
    memory = checkout.state / "ros.json"
    distribution = env.get("ROS_DISTRO", "")
    for part in env.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        if part and distribution and (Path(part) / "share" / "rclpy").is_dir():
            return _remember(memory, Ros(distribution, Path(part)))
    before = json.loads(memory.read_text(encoding="utf-8")) if memory.is_file() else {}
    if before.get("prefix"):
        raise SetupError(
            f"this checkout was set up with ROS 2 {before['distribution']} in {before['prefix']}, which is not sourced",
            f"`source {before['prefix']}/setup.bash` and try again; or `make clean` to change to the wheels",
        )
    return _remember(memory, Ros("jazzy", None))


def _remember(memory: Path, ros: Ros) -> Ros:
    text = json.dumps({"distribution": ros.distribution, "prefix": str(ros.prefix) if ros.prefix else None})
    if not memory.is_file() or memory.read_text(encoding="utf-8") != text:
        mark_done(memory, text)
    return ros

"""The Python environments of benchmarks, in the user's data folder. Runs venv and pip."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from strands_robots.core.errors import ConfigurationError
from strands_robots.evaluation.benchmarks.catalogue import BenchmarkConfig

ROOT_VARIABLE = "STRANDS_ROBOTS_BENCHMARKS"
"""Names another folder than the one in the user's data folder."""

_MARK = "benchmarks.json"


def root() -> Path:
    """Return the folder that holds the environments."""
    given = os.environ.get(ROOT_VARIABLE)
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(given).expanduser() if given else Path(data).expanduser() / "strands_robots" / "benchmarks"


def folder_of(config: BenchmarkConfig) -> Path:
    """Return the folder of a benchmark's environment."""
    return root() / config.environment


def python_of(config: BenchmarkConfig) -> Path:
    """Return the Python of an installed benchmark.

    Raises:
        ConfigurationError: If it is not installed.
    """
    if not is_installed(config):
        raise ConfigurationError(
            f"benchmark '{config.name}' is not installed; valid: strands-robots benchmark install {config.name}"
        )
    return folder_of(config) / "bin" / "python"


def is_installed(config: BenchmarkConfig) -> bool:
    """Return whether an installation was completed with the present requirements."""
    return _marks(config).get(config.name) == list(config.requirements)


def install(config: BenchmarkConfig, python: str = "", tell: Callable[[str], None] = lambda line: None) -> Path:
    """Make the environment where it is not there, install the packages, and return its folder.

    Args:
        config: The benchmark.
        python: Interpreter to make the environment with; empty for the present one.
        tell: Takes lines of progress.

    Raises:
        ConfigurationError: If the disk is too full, or venv or pip fail; the message has pip's last words.
    """
    folder = folder_of(config)
    folder.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder.parent).free
    if free < config.size:
        raise ConfigurationError(
            f"{folder.parent} has {free / 1e9:.1f} GB free; '{config.name}' needs {config.size / 1e9:.1f} GB; "
            f"valid: more space, or another folder in {ROOT_VARIABLE}"
        )
    if not (folder / "bin" / "python").exists():
        tell(f"making {folder}")
        _run([python or sys.executable, "-m", "venv", str(folder)], "the environment could not be made")
    tell(f"installing {', '.join(config.requirements)}")
    pip = [str(folder / "bin" / "python"), "-I", "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    _run([*pip, *config.requirements], f"'{config.name}' could not be installed")
    (folder / _MARK).write_text(json.dumps({**_marks(config), config.name: list(config.requirements)}) + "\n")
    return folder


def remove(config: BenchmarkConfig) -> bool:
    """Forget a benchmark; return whether its environment was deleted, which is kept while another benchmark uses it."""
    marks = {name: pins for name, pins in _marks(config).items() if name != config.name}
    folder = folder_of(config)
    if marks:
        (folder / _MARK).write_text(json.dumps(marks) + "\n")
        return False
    if folder.exists():
        shutil.rmtree(folder)
    return True


def _marks(config: BenchmarkConfig) -> dict[str, list[str]]:
    try:
        marks: dict[str, list[str]] = json.loads((folder_of(config) / _MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return marks


def _run(command: list[str], failure: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        words = " ".join(done.stderr.split())[-600:]
        raise ConfigurationError(f"{failure}: {words or f'exit code {done.returncode}'}")

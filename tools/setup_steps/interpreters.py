"""Choose the Python that the virtual environment is made of."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from setup_steps.checkout import Ros
from setup_steps.report import SetupError, answer

# Best first. On 3.12 everything was run; current LeRobot needs 3.12; beyond it the wheels are Kilted's; Humble's Python is 3.10.
SUPPORTED = ((3, 12), (3, 13), (3, 14), (3, 11), (3, 10))
LEARNING = ((3, 12), (3, 13), (3, 11), (3, 10))
"""Those for which LeRobot and the numpy that it takes have wheels."""

_ASK = """
import json, os, sys, sysconfig
try:
    import ensurepip, venv
    can_make_venv = True
except ImportError:
    can_make_venv = False
headers = os.path.isfile(os.path.join(sysconfig.get_path("include"), "Python.h"))
print(json.dumps([sys.version_info[:3], can_make_venv, headers, os.path.realpath(sys.executable)]))
"""


@dataclass(frozen=True)
class Interpreter:
    """One Python of this machine, and why it was chosen."""

    path: Path
    version: tuple[int, int, int]
    reason: str


def choose_python(ros: Ros, wanted: str | None, env: dict[str, str], learning: bool = False) -> Interpreter:
    """Return the Python to use.

    Args:
        ros: With a ROS installation only the Python that its rclpy is built for will do.
        wanted: What the user asked for by `PYTHON=`, a path or a name; None to choose the best.
        env: The environment to look in.
        learning: Whether LeRobot is to be installed as well.

    Raises:
        SetupError: If none fits; the message gives each one found and what it lacks.
    """
    rejected: list[str] = []
    supported = LEARNING if learning else SUPPORTED
    for path in _candidates(ros, wanted, env):
        found, problem = _examine(path, ros, env, supported)
        if found is not None:
            why = "asked for by PYTHON=" if wanted else _reason(ros)
            return Interpreter(found.path, found.version, why)
        rejected.append(f"{path}: {problem}")
    listing = "; ".join(rejected) or "none found on PATH or in ~/.pyenv/versions"
    raise SetupError(
        f"no usable Python {', '.join(sorted(f'{major}.{minor}' for major, minor in supported))} ({listing})",
        "install one with its headers and venv module, as in `sudo apt install python3 python3-dev python3-venv`, "
        "`pyenv install 3.12` or `uv python install 3.12`; or name one: make setup PYTHON=/path/to/python3.12",
    )


def _reason(ros: Ros) -> str:
    return (
        "best supported one with venv and headers"
        if ros.is_wheels
        else f"the one that rclpy of {ros.distribution} needs"
    )


def _candidates(ros: Ros, wanted: str | None, env: dict[str, str]) -> list[Path]:
    """Return the Pythons to try, best first."""
    versions = Path(env.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    if wanted:
        found = Path(shutil.which(wanted, path=env.get("PATH")) or wanted)
        # pyenv puts a shim on PATH for every version that it has; it starts only those that are chosen.
        return _unique([found, *(sorted(versions.glob(f"*/bin/{wanted}"), reverse=True) if "/" not in wanted else [])])
    if not ros.is_wheels:
        names = ["/usr/bin/python3", "python3", *(f"python{major}.{minor}" for major, minor in SUPPORTED)]
        there = [shutil.which(name, path=env.get("PATH")) for name in names]
        return _unique([Path(path) for path in there if path])
    paths: list[Path] = []
    for major, minor in SUPPORTED:
        for folder in env.get("PATH", "").split(os.pathsep):
            paths.append(Path(folder) / f"python{major}.{minor}")
        paths += sorted(versions.glob(f"{major}.{minor}.*/bin/python{major}.{minor}"), reverse=True)
        paths += sorted(Path.home().glob(f".local/share/uv/python/cpython-{major}.{minor}.*/bin/python{major}.{minor}"))
    paths += [Path(folder) / "python3" for folder in env.get("PATH", "").split(os.pathsep)]
    return _unique([path for path in paths if path.is_file() and os.access(path, os.X_OK)])


def _unique(paths: list[Path]) -> list[Path]:
    return list(dict.fromkeys(paths))


def _examine(
    path: Path, ros: Ros, env: dict[str, str], supported: tuple[tuple[int, int], ...]
) -> tuple[Interpreter | None, str]:
    """Ask one Python what it can do; return it, or None and what it lacks."""
    status, output = answer([str(path), "-I", "-c", _ASK], env)
    if status != 0:
        return None, "does not start"
    version, can_make_venv, headers, real = json.loads(output.splitlines()[-1])
    release = f"{version[0]}.{version[1]}"
    if tuple(version[:2]) not in supported:
        return None, f"is {release}"
    if not can_make_venv:
        return None, f"cannot make virtual environments (Debian: apt install python{release}-venv)"
    if not headers:
        return None, f"has no headers (Debian: apt install python{release}-dev)"
    if not ros.is_wheels and answer([str(path), "-c", "import rclpy"], env)[0] != 0:
        return None, f"cannot import rclpy of {ros.prefix}"
    # A pyenv shim changes with the folder it is called from; what it stands for does not.
    fixed = Path(real) if "shims" in path.parts else path
    return Interpreter(fixed, (version[0], version[1], version[2]), ""), ""

"""The virtual environment: made once, brought up to the pinned requirements when they change."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

from setup_steps.checkout import Checkout, Ros, wheels_for
from setup_steps.install_log import explain, is_network_trouble
from setup_steps.installer import install
from setup_steps.interpreters import SUPPORTED, choose_python
from setup_steps.prefix import fix_cmake_paths, write_setup_files
from setup_steps.report import SetupError, answer, fingerprint, is_done, mark_done, say, tail

_ASK = """
import json, sys, sysconfig, numpy
print(json.dumps([sysconfig.get_path("include"), numpy.get_include()]))
"""

# In an environment that has LeRobot, so that later set-ups keep it.
_LEARNING = ".learning"


def prepare_environment(checkout: Checkout, ros: Ros, env: dict[str, str], wanted: str | None, learning: bool) -> Path:
    """Return the Python of a virtual environment that holds everything in requirements/.

    Args:
        checkout: The checkout.
        ros: With a ROS installation the environment sees that installation's Python packages and adds to them.
        env: The environment for the commands.
        wanted: The Python that the user asked for, if any; it counts only when the environment is made.
        learning: Whether to add requirements/learning.txt; once added it stays.

    Raises:
        SetupError: If it cannot be made or filled.
    """
    venv = checkout.venv(ros)
    python = venv / "bin" / "python"
    version = _version(python, env)
    if version is None:
        version = _make(checkout, ros, env, wanted, learning)
    else:
        kept = f" (kept; to change to {wanted}: rm -r {venv.name})" if wanted else ""
        say("python", f"{version} in {venv.name}{kept}")
    names = [*([wheels_for(_release(version))[1]] if ros.is_wheels else []), "base", "dev", "agent", "console"]
    if learning or (venv / _LEARNING).is_file():
        names.append("learning")
    _install(checkout, ros, env, names, version)
    return python


def with_wheels_of(ros: Ros, python: Path) -> Ros:
    """Return the ROS to build against, where it is wheels the distribution that an environment's Python got."""
    if not ros.is_wheels:
        return ros
    settings = (python.parents[1] / "pyvenv.cfg").read_text(encoding="utf-8")
    version = next(line.split(" = ")[1] for line in settings.splitlines() if line.startswith("version = "))
    return replace(ros, distribution=wheels_for(_release(version))[0])


def _release(version: str) -> tuple[int, int]:
    """Return major and minor of a version, as (3, 12)."""
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def _version(python: Path, env: dict[str, str]) -> str | None:
    """Return the version of an environment's Python; None when there is no working, supported environment."""
    configuration = python.parents[1] / "pyvenv.cfg"
    # pip comes last: without it the making was interrupted.
    if not python.exists() or not configuration.is_file() or not python.with_name("pip").exists():
        return None
    settings = dict(
        line.split(" = ", 1) for line in configuration.read_text(encoding="utf-8").splitlines() if " = " in line
    )
    version = settings.get("version", "")
    return version if any(version.startswith(f"{major}.{minor}.") for major, minor in SUPPORTED) else None


def _make(checkout: Checkout, ros: Ros, env: dict[str, str], wanted: str | None, learning: bool) -> str:
    """Make the virtual environment; return its Python's version."""
    venv = checkout.venv(ros)
    chosen = choose_python(ros, wanted, env, learning)
    version = ".".join(str(part) for part in chosen.version)
    say("python", f"{version} at {chosen.path} ({chosen.reason})")
    shared = [] if ros.is_wheels else ["--system-site-packages"]
    command = [str(chosen.path), "-m", "venv", "--clear", *shared, str(venv)]
    status, output = answer(command, env, timeout=600.0)
    if status != 0:
        shutil.rmtree(venv, ignore_errors=True)
        raise SetupError(
            f"{chosen.path} could not make {venv}: {output[-300:]}",
            f"check the space on the disk; on Debian `sudo apt install python{version.rsplit('.', 1)[0]}-venv`",
        )
    return version


def _install(checkout: Checkout, ros: Ros, env: dict[str, str], names: list[str], version: str) -> None:
    """Install requirement files together, so that pip resolves them as one; nothing when they have not changed."""
    venv = checkout.venv(ros)
    files = checkout.requirements(*names)
    constraints = [] if ros.is_wheels or "learning" in names else checkout.requirements("ros-installation")
    recipe = [Path(__file__).with_name("prefix.py"), Path(__file__).with_name("installer.py"), *constraints, *files]
    stamp, expected = venv / ".packages", fingerprint(version, str(venv), *recipe)
    if is_done(stamp, expected):
        say("packages", "unchanged")
        return
    say("packages", f"installing requirements/{{{','.join(names)}}}.txt into {venv.name} ...")
    arguments = [word for path in files for word in ("-r", str(path))]
    arguments += [word for path in constraints for word in ("-c", str(path))]
    is_installed, log = install(checkout, ros, env, arguments)
    if not is_installed:
        raise _failed(log, version)
    if ros.is_wheels:
        _finish_wheels(venv, env)
    write_setup_files(venv, wheels_for(_release(version))[0] if ros.is_wheels else "")
    if "learning" in names:
        mark_done(venv / _LEARNING, "LeRobot is part of this environment\n")
    mark_done(stamp, expected)
    os.sync()  # Gigabytes on their way to the disk would make whatever starts next wait for every file that it reads.


def _failed(log: Path, version: str) -> SetupError:
    """Return the error of an installation that failed, with the package that is to blame where the log names one."""
    text = log.read_text(encoding="utf-8", errors="replace")
    again = "then run the same command again"
    misfit = explain(text)
    if misfit and not is_network_trouble(text):
        return SetupError(
            f"the requirements do not fit Python {version}: {misfit}; the log is {log}",
            f"choose another Python, as in `make setup PYTHON=python3.12`, or correct the pin in requirements/, {again}",
        )
    return SetupError(
        f"the requirements could not be installed; the end of {log}:\n{tail(log)}",
        f"check the network, a proxy (HTTPS_PROXY) or a mirror (PIP_INDEX_URL), {again}",
    )


def _finish_wheels(venv: Path, env: dict[str, str]) -> None:
    """Fix what the wheels got wrong for this machine."""
    python = venv / "bin" / "python"
    status, output = answer([str(python), "-c", _ASK], {**env, "_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1"})
    if status != 0:
        raise SetupError(
            f"numpy does not import in {venv}: {output[-300:]}", f"remove {venv} and run the same command again"
        )
    python_headers, numpy_headers = json.loads(output.splitlines()[-1])
    fix_cmake_paths(venv, python_headers, numpy_headers)

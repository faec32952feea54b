"""Build the package with colcon into install/, and only what changed."""

from __future__ import annotations

import os
import resource
import shutil
import time
from pathlib import Path

from setup_steps.checkout import Checkout, Ros
from setup_steps.report import SetupError, fingerprint, is_done, mark_done, run_logged, say, tail

_INTERFACES = ("msg/*.msg", "srv/*.srv", "action/*.action")
_INSTALLED = ("src/strands_robots", "config", "launch", "models", "rviz", "urdf")

# The command `colcon` belongs to the Python that installed it; this is the same command with the environment's Python.
_COLCON = "import sys; from colcon_core.command import main; sys.exit(main())"


def build(checkout: Checkout, ros: Ros, python: Path, env: dict[str, str]) -> None:
    """Bring install/ up to date with the sources.

    Python and configuration files are installed as links, so editing one needs no build; a new, renamed or deleted one
    does, and so does any change of an interface.

    Raises:
        SetupError: If the build fails; the message holds the end of its log.
    """
    identity = fingerprint(str(ros), str(python), str(python.resolve()), str(checkout.root))
    if not is_done(checkout.state / "build-identity", identity):
        for folder in ("build", "install"):
            if _is_foreign(checkout.root / folder, python):
                shutil.rmtree(checkout.root / folder)
        mark_done(checkout.state / "build-identity", identity)
    stamp, expected = checkout.install / ".strands_robots_build", _sources(checkout, identity)
    interfaces = [path for pattern in _INTERFACES for path in checkout.root.glob(pattern)]
    if is_done(stamp, expected):
        say("build", f"unchanged ({len(interfaces)} interfaces)")
        return
    if _has_removed_interface(checkout):
        for folder in ("build", "install"):
            shutil.rmtree(checkout.root / folder, ignore_errors=True)
    is_cold = not (checkout.root / "build" / "strands_robots" / "Makefile").is_file()
    wall, cpu = time.monotonic(), _child_cpu()
    _colcon(checkout, ros, python, env)
    wall, cpu = time.monotonic() - wall, _child_cpu() - cpu
    _prune(checkout.install)
    if is_cold:
        count = len(interfaces)
        each = f"{wall / count:.2f} s an interface ({cpu / count:.2f} s of CPU time, {os.cpu_count()} cores)"
        say("build", f"{count} interfaces and the package in {wall:.1f} s: {each}")
    else:
        say("build", f"updated in {wall:.1f} s ({cpu:.1f} s of CPU time)")
    mark_done(stamp, expected)


def _sources(checkout: Checkout, identity: str) -> str:
    """Return the fingerprint of what a build depends on: contents of its inputs, names of what is only linked."""
    contents = [
        path
        for pattern in (
            *_INTERFACES,
            "CMakeLists.txt",
            "package.xml",
            "cmake/*",
            "src/native/*",
            "ros_interfaces/*/*",
            "ros_interfaces/*/*/*",
        )
        for path in checkout.root.glob(pattern)
        if path.is_file()
    ]
    names: list[str] = []
    for folder in _INSTALLED:
        for parent, folders, files in os.walk(checkout.root / folder):
            folders[:] = [name for name in folders if name != "__pycache__"]
            names += [os.path.join(parent, name) for name in files if not name.endswith(".pyc")]
    return fingerprint(identity, *sorted(contents), *sorted(names))


def _has_removed_interface(checkout: Checkout) -> bool:
    """Tell whether an installed interface has left the sources; only a new build gets rid of its generated code."""
    share = checkout.install / "share" / "strands_robots"
    installed = [path for pattern in _INTERFACES for path in share.glob(pattern)]
    return any(not (checkout.root / path.relative_to(share)).is_file() for path in installed)


def _is_foreign(folder: Path, python: Path) -> bool:
    """Tell whether a build or install folder was made with another Python, so that CMake's memory of it is wrong."""
    cache = folder.parent / "build" / "strands_robots" / "CMakeCache.txt"
    if not folder.is_dir() or not cache.is_file():
        return folder.is_dir()
    return f"={python}\n" not in cache.read_text(encoding="utf-8", errors="replace")


def _colcon(checkout: Checkout, ros: Ros, python: Path, env: dict[str, str]) -> None:
    """Run colcon in the environment that a user's shell will have."""
    setup = checkout.venv(ros) / "local_setup.sh"
    colcon = [str(python), "-c", _COLCON, "--log-base", str(checkout.root / "log"), "build"]
    # The wheels have no control_msgs; a ROS installation brings its own. colcon looks for no package inside another one, so it is named.
    packages = [checkout.root, *([checkout.root / "ros_interfaces" / "control_msgs"] if ros.is_wheels else [])]
    colcon += ["--base-paths", *map(str, packages), "--build-base", str(checkout.root / "build")]
    colcon += ["--install-base", str(checkout.install), "--merge-install", "--symlink-install"]
    colcon += ["--event-handlers", "console_direct+"]
    colcon += ["--cmake-args", "-DBUILD_TESTING=OFF", f"-DPython3_EXECUTABLE={python}"]
    command = ["sh", "-c", '. "$0" && exec "$@"', str(setup), *colcon]
    chained = {"MAKEFLAGS": f"-j{(os.cpu_count() or 1) + 1}", **env}
    chained["STRANDS_ROBOTS_IDL_CACHE"] = str(checkout.root / "build" / "idl_cache")
    chained["PYTHONPATH"] = _join(str(Path(__file__).with_name("rosidl_cache")), env.get("PYTHONPATH"))
    if not ros.is_wheels:
        chained["COLCON_PREFIX_PATH"] = _join(str(checkout.venv(ros)), env.get("COLCON_PREFIX_PATH"))
    log = checkout.state / "build.log"
    say("build", "colcon ...")
    if run_logged(command, log, chained, checkout.root) != 0:
        raise SetupError(
            f"the build failed; the end of {log}:\n{tail(log, 25)}",
            "if an interface or CMakeLists.txt was changed, correct it; if not, `make clean` and try again",
        )


def _join(first: str, rest: str | None) -> str:
    return f"{first}{os.pathsep}{rest}" if rest else first


def _prune(install: Path) -> None:
    """Remove links whose source file is gone, which a symlink install leaves behind."""
    for parent, _, files in os.walk(install):
        for name in files:
            path = Path(parent) / name
            if path.is_symlink() and not path.exists():
                path.unlink()


def _child_cpu() -> float:
    """Return the CPU time of all finished child processes [s]."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime

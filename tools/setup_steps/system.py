"""What must come from the system: a compiler, CMake, the package's rosdep keys, and OpenGL libraries for rendering
without a screen.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from setup_steps.checkout import Checkout, Ros
from setup_steps.report import SetupError, answer, fingerprint, is_done, mark_done, run_logged, say, tail

RENDERING_PACKAGES = ("libegl1", "libegl-mesa0", "libgl1-mesa-dri", "libopengl0", "libosmesa6")
_CMAKE_MINIMUM = (3, 20)

# Keys of package.xml that the virtual environment provides in the version needed; rosdep would install older ones or
# use pip globally.
_PIP_KEYS = (
    "python3-cryptography",
    "python3-mujoco-pip",
    "python3-pydantic",
    "python3-rich",
    "python3-typer",
)

_RENDER = """
import mujoco
model = mujoco.MjModel.from_xml_string("<mujoco><worldbody><geom size='0.1'/></worldbody></mujoco>")
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
with mujoco.Renderer(model, 16, 16) as renderer:
    renderer.update_scene(data)
    renderer.render()
"""


def ensure_compiler(checkout: Checkout, venv: Path, env: dict[str, str]) -> None:
    """Make sure that a C++ compiler, make and CMake are there; CMake comes from PyPI where the system has none.

    Raises:
        SetupError: If the compiler is missing.
    """
    path = env.get("PATH")
    missing = [tool for tool in ("cc", "c++", "make") if not shutil.which(tool, path=path)]
    if missing and not _apt_install(checkout, ("g++", "make"), env):
        raise SetupError(
            f"no {' and no '.join(missing)} found; generated message code is compiled",
            "`sudo apt install g++ make` (Debian, Ubuntu) or `sudo dnf install gcc-c++ make` (Fedora)",
        )
    inside = f"{venv / 'bin'}{os.pathsep}{path or ''}"
    found = shutil.which("cmake", path=inside)
    version = re.search(r"(\d+)\.(\d+)", answer([found, "--version"], env)[1]) if found else None
    if version and (int(version[1]), int(version[2])) >= _CMAKE_MINIMUM:
        return
    say("cmake", "not found or older than 3.20: installing it from PyPI")
    log = checkout.state / "cmake.log"
    command = [str(venv / "bin" / "python"), "-m", "pip", "install", "--no-input", "cmake>=3.20,<4"]
    if run_logged(command, log, env, checkout.root) != 0:
        raise SetupError(
            f"CMake 3.20 or newer is missing and could not be installed from PyPI; the end of {log}:\n{tail(log)}",
            "`sudo apt install cmake`, or check the network",
        )


def ensure_rosdep(checkout: Checkout, ros: Ros, env: dict[str, str]) -> None:
    """Install the system packages that package.xml names, where rosdep is there to do it.

    Raises:
        SetupError: If some are missing and cannot be installed by this user.
    """
    if ros.is_wheels:
        return
    manifest = checkout.root / "package.xml"
    stamp, expected = checkout.state / "rosdep.stamp", fingerprint(str(ros), manifest)
    if is_done(stamp, expected):
        return
    if not shutil.which("rosdep", path=env.get("PATH")):
        say("rosdep", "not found; skipped (`sudo apt install python3-rosdep` to check the dependencies in package.xml)")
        return
    keys = ["--from-paths", str(checkout.root), "--ignore-src", "--rosdistro", ros.distribution]
    keys += ["--skip-keys", " ".join(_PIP_KEYS)]
    status, output = answer(["rosdep", "check", *keys], env, timeout=120.0)
    if status != 0:
        log = checkout.state / "rosdep.log"
        if os.geteuid() != 0 or run_logged(["rosdep", "install", "-y", *keys], log, env, checkout.root) != 0:
            command = " ".join(f"'{word}'" if " " in word else word for word in ["rosdep", "install", "-y", *keys])
            raise SetupError(
                f"system dependencies of package.xml are missing:\n{output[-1500:]}",
                f"`sudo rosdep init; rosdep update` if rosdep was never used here, then `{command}`",
            )
    say("rosdep", "all keys of package.xml are installed")
    mark_done(stamp, expected)


def check_rendering(checkout: Checkout, python: Path, env: dict[str, str]) -> None:
    """Find out whether MuJoCo renders here, installing the libraries as root; cameras need it, nothing else does.

    It never fails the set-up: a machine without cameras in its scenes needs no OpenGL. The check runs in a child
    process because a broken graphics driver aborts the process that tries it.
    """
    stamp = checkout.state / "rendering"
    expected = fingerprint(str(python), _RENDER, *checkout.requirements("base"))
    if is_done(stamp, expected):
        return
    backend = _rendering_backend(python, env)
    if backend is None and _apt_install(checkout, RENDERING_PACKAGES, env):
        backend = _rendering_backend(python, env)
    if backend is None:
        say("rendering", "MuJoCo renders neither with egl nor with osmesa: everything works but the cameras")
        say("", f"what to do: sudo apt install {' '.join(RENDERING_PACKAGES)}")
        return
    say("rendering", f"works with {backend}")
    mark_done(stamp, expected)


def _rendering_backend(python: Path, env: dict[str, str]) -> str | None:
    for backend in ("egl", "osmesa"):
        trial = {**env, "MUJOCO_GL": backend, "_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1"}
        if answer([str(python), "-c", _RENDER], trial)[0] == 0:
            return backend
    return None


def _apt_install(checkout: Checkout, packages: tuple[str, ...], env: dict[str, str]) -> bool:
    """Install Debian packages as root; return whether that was possible."""
    if os.geteuid() != 0 or not shutil.which("apt-get", path=env.get("PATH")):
        return False
    say("apt", f"installing {' '.join(packages)} ...")
    log = checkout.state / "apt.log"
    quiet = {**env, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if run_logged(install, log, quiet, checkout.root) == 0:
        return True
    run_logged(["apt-get", "update"], checkout.state / "apt-update.log", quiet, checkout.root)
    return run_logged(install, log, quiet, checkout.root) == 0

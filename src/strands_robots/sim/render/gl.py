"""Which OpenGL library MuJoCo renders with.

MuJoCo reads MUJOCO_GL once, when it is imported, so the choice is made before, and importing this module does not import MuJoCo.
A broken graphics driver aborts the process that tries it, so the check runs in a child process.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from strands_robots.core.errors import RenderError

# Library to try -> value of MUJOCO_GL, best first.
_HEADLESS = (("libEGL.so.1", "egl"), ("libOSMesa.so.8", "osmesa"), ("libOSMesa.so.6", "osmesa"))

INSTALL_HINT = (
    "install libegl1 libegl-mesa0 libgl1-mesa-dri libopengl0 (or libosmesa6) with the system's package manager, "
    "or set MUJOCO_GL to a backend that works here (egl, osmesa, glfw)"
)

_PROBE = """
import mujoco
spec = mujoco.MjSpec()
spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[0.1, 0, 0])
model = spec.compile()
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
with mujoco.Renderer(model, 16, 16) as renderer:
    renderer.update_scene(data)
    renderer.render()
print("rendered")
"""


def choose_backend(loads: Callable[[str], bool] | None = None) -> str:
    """Set MUJOCO_GL for rendering without a screen, unless the user already has.

    Drawing in software (llvmpipe) gets a quarter of the processors, or just the thread that draws: with its default of
    all of them, the control loop waits for pictures.

    Args:
        loads: Says whether a shared library can be loaded; tests replace it.

    Returns:
        The value of MUJOCO_GL that holds now; empty where MuJoCo's own choice is left (not on Linux, or nothing found).
    """
    os.environ.setdefault("LP_NUM_THREADS", str(min(4, (os.cpu_count() or 1) // 4)))
    given = os.environ.get("MUJOCO_GL", "")
    if given or not sys.platform.startswith("linux"):
        return given
    for library, backend in _HEADLESS:
        if (loads or _loads)(library):
            os.environ["MUJOCO_GL"] = backend
            return backend
    return ""


def make_context(width: int, height: int) -> Any:
    """Return an OpenGL context of the backend that MUJOCO_GL names now, whatever it was when MuJoCo was imported.

    Args:
        width, height: Size of its window or buffer [px].

    Raises:
        RenderError: If it cannot be made; the message says what to install.
    """
    backend = os.environ.get("MUJOCO_GL", "").lower()
    module = f"mujoco.{backend}" if backend in ("egl", "osmesa") else "mujoco.gl_context"
    try:
        return importlib.import_module(module).GLContext(width, height)
    # Each backend has its own kind of error here, AttributeError of a half-loaded library among them.
    except (RuntimeError, ImportError, AttributeError, OSError) as error:
        raise RenderError(f"no OpenGL context with MUJOCO_GL={backend or 'unset'}: {error}; {INSTALL_HINT}") from error


def check_rendering(timeout: float = 60.0) -> str:
    """Render one picture in a child process and return the backend that made it.

    Args:
        timeout: Longest wait [s].

    Raises:
        RenderError: If no picture could be made; the message has the last line of the child's error and what to install.
    """
    backend = choose_backend() or "default"
    try:
        child = subprocess.run(
            [sys.executable, "-c", _PROBE],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=dict(os.environ),
        )
    except subprocess.TimeoutExpired as error:
        raise RenderError(
            f"rendering with MUJOCO_GL={backend} gave nothing within {timeout} s; {INSTALL_HINT}"
        ) from error
    if child.returncode != 0 or "rendered" not in child.stdout:
        lines = child.stderr.strip().splitlines() or [f"exit status {child.returncode}"]
        raise RenderError(f"rendering with MUJOCO_GL={backend} failed: {lines[-1]}; {INSTALL_HINT}")
    return backend


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from strands_robots.core.errors import RenderError
from strands_robots.sim.render.gl import check_rendering, choose_backend, make_context

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere MuJoCo chooses")


@linux_only
@pytest.mark.parametrize(
    ("libraries", "backend"), [(["libEGL.so.1", "libOSMesa.so.8"], "egl"), (["libOSMesa.so.8"], "osmesa"), ([], "")]
)
def test_backend_is_egl_else_osmesa_else_left_to_mujoco(
    monkeypatch: pytest.MonkeyPatch, libraries: list[str], backend: str
) -> None:
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    assert choose_backend(libraries.__contains__) == backend


def test_backend_of_the_user_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    assert choose_backend(lambda library: True) == "glfw"


def test_check_renders_in_a_child_process() -> None:
    assert check_rendering()


@linux_only
def test_check_says_what_failed_and_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "nonsense")
    with pytest.raises(RenderError, match=r"MUJOCO_GL=nonsense failed: .*nonsense.*; install libegl1"):
        check_rendering()


def test_choosing_a_backend_does_not_import_mujoco() -> None:
    code = "import sys, strands_robots.sim.render.gl; sys.exit('mujoco' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], check=False, env=environment).returncode == 0


@linux_only
def test_renderer_works_when_mujoco_was_imported_first() -> None:
    code = (
        "import mujoco; from strands_robots.sim.world.world import World, WorldConfig; "
        "from strands_robots.sim.render.renderer import SceneRenderer; "
        "world = World(WorldConfig(robots=())); assert SceneRenderer(world).render(world.get_state(), 'overhead').any()"
    )
    environment = {key: value for key, value in os.environ.items() if key != "MUJOCO_GL"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    assert subprocess.run([sys.executable, "-c", code], check=False, env=environment).returncode == 0


def test_context_that_cannot_be_made_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "egl")
    monkeypatch.setitem(sys.modules, "mujoco.egl", None)
    with pytest.raises(RenderError, match=r"no OpenGL context with MUJOCO_GL=egl: .*; install libegl1"):
        make_context(16, 16)

from __future__ import annotations

import subprocess
import sys

import pytest

from strands_robots.errors import RenderError
from strands_robots.sim.gl import check_rendering, choose_backend

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere MuJoCo chooses")


@linux_only
@pytest.mark.parametrize(
    ("libraries", "backend"), [(["libEGL.so.1", "libOSMesa.so.8"], "egl"), (["libOSMesa.so.8"], "osmesa"), ([], "")]
)
def test_backend_is_egl_else_osmesa_else_left_to_mujoco(monkeypatch: pytest.MonkeyPatch, libraries: list[str], backend: str) -> None:
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
    code = "import sys, strands_robots.sim.gl; sys.exit('mujoco' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

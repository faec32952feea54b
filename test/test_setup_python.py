"""Which Python the set-up takes, and which wheels of ROS 2 fit it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from setup_steps.checkout import Ros, wheels_for  # noqa: E402
from setup_steps.interpreters import LEARNING, SUPPORTED, choose_python  # noqa: E402
from setup_steps.prefix import write_setup_files  # noqa: E402
from setup_steps.report import SetupError  # noqa: E402

WHEELS = Ros("jazzy", None)


def interpreter(folder: Path, version: str) -> Path:
    """Put a program there that answers as a Python of this version with everything does."""
    path = folder / f"python{version}"
    numbers = ", ".join(version.split("."))
    path.write_text(f"#!/bin/sh\necho '[[{numbers}, 1], true, true, \"{path}\"]'\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("there", "learning", "chosen"),
    [
        (("3.10", "3.12", "3.13"), False, "3.12"), (("3.13",), False, "3.13"), (("3.10", "3.13"), False, "3.13"),
        (("3.14",), False, "3.14"), (("3.9", "3.10"), False, "3.10"), (("3.14", "3.10"), True, "3.10"),
    ],
)  # fmt: skip
def test_best_python_that_works_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...], learning: bool, chosen: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for version in there:
        interpreter(tmp_path, version)
    env = {"PATH": str(tmp_path), "PYENV_ROOT": str(tmp_path / "pyenv")}
    assert choose_python(WHEELS, None, env, learning).path == tmp_path / f"python{chosen}"


def test_name_whose_shim_does_not_start_is_looked_for_where_pyenv_keeps_it(tmp_path: Path) -> None:
    shim = tmp_path / "shims" / "python3.10"
    kept = tmp_path / "versions" / "3.10.13" / "bin"
    for folder in (shim.parent, kept):
        folder.mkdir(parents=True)
    shim.write_text('#!/bin/sh\necho "pyenv: python3.10: command not found" >&2\nexit 127\n')
    shim.chmod(0o755)
    env = {"PATH": str(shim.parent), "PYENV_ROOT": str(tmp_path)}
    with pytest.raises(SetupError, match=r"shims/python3\.10: does not start"):
        choose_python(WHEELS, "python3.10", env)
    interpreter(kept, "3.10")
    assert choose_python(WHEELS, "python3.10", env).path == kept / "python3.10"


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_runs_the_set_up_with_a_python_that_starts(tmp_path: Path) -> None:
    broken = tmp_path / "python3.10"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    command = ["make", "-C", str(ROOT), "--dry-run", "setup", "PYTHON=python3.10"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    words = next(line.split() for line in done.stdout.splitlines() if "tools/setup.py" in line)
    assert words[0] != str(broken) and Path(words[0]).name.startswith("python3")
    assert words[1:] == ["tools/setup.py", "--python", "python3.10"]


def test_refusal_names_every_python_that_would_do(tmp_path: Path) -> None:
    old = interpreter(tmp_path, "3.9")
    with pytest.raises(SetupError, match=r"no usable Python 3\.10, 3\.11, 3\.12, 3\.13, 3\.14 .*is 3\.9"):
        choose_python(WHEELS, str(old), {"PATH": str(tmp_path)})


def test_wheels_fit_the_python_and_the_shell_names_their_distribution(tmp_path: Path) -> None:
    expected = {(3, 10): "jazzy", (3, 11): "jazzy", (3, 12): "jazzy", (3, 13): "kilted", (3, 14): "kilted"}
    for version in SUPPORTED:
        distribution, requirements = wheels_for(version)
        assert distribution == expected[version]
        pins = (ROOT / "requirements" / f"{requirements}.txt").read_text(encoding="utf-8").splitlines()
        names = [line for line in pins if line.startswith("ros-")]
        assert len(names) > 90 and all("==" in line for line in names)
        write_setup_files(tmp_path, distribution)
        assert f"ROS_DISTRO={distribution} " in (tmp_path / "local_setup.sh").read_text(encoding="utf-8")
    assert set(LEARNING) < set(SUPPORTED)


def test_kilteds_wheels_hold_what_the_generators_find_although_no_wheel_depends_on_it() -> None:
    text = (ROOT / "requirements" / "ros-wheels-kilted.txt").read_text(encoding="utf-8")
    assert re.search(r"^ros-ament-cmake-ros-core==", text, re.MULTILINE), "rosidl_typesupport_fastrtps_c finds it"

"""Which Python the set-up takes, and which wheels of ROS 2 fit it."""

from __future__ import annotations

import re
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

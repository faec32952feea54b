"""The compiler, which colcon needs to build the interfaces, and the inner loop, which it compiles."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from strands_robots.doctor.machine import Machine
from strands_robots.doctor.result import Result, Status, ok, warning
from strands_robots.doctor.ros import check_interfaces

OLDEST_CMAKE = (3, 20)


def check_compiler(machine: Machine) -> Result:
    """A C++ compiler, tried on a program, and CMake. Their absence is a failure only while there is something to build."""
    problem, install = _compiler_problem(machine)
    if not problem:
        problem, install = _cmake_problem(machine)
    if not problem:
        return ok("compiler", f"{_compiler(machine)} and CMake work")
    is_built = check_interfaces(machine).status is Status.OK
    status = Status.WARNING if is_built else Status.FAILED
    tail = "; what is built already works" if is_built else ""
    return Result("compiler", status, f"{problem}{tail}", (install, "then: make build"))


def check_inner_loop(machine: Machine) -> Result:
    """Whether the robots' inner loop is compiled; without it they decide the same and need more processor time."""
    answer = machine.run_python(
        "from strands_robots.control import inner_loop; print(inner_loop.MISSING or 'compiled')"
    )
    words = answer.output.strip() if answer.code == 0 else answer.last_words
    if words == "compiled":
        return ok("inner_loop", "compiled")
    found = f"not compiled ({words}); Python makes the same decisions with more processor time"
    return warning(
        "inner_loop", found, f"{machine.python} -m pip install -r requirements/base.txt", "then: make clean build"
    )


def _compiler(machine: Machine) -> str:
    path = machine.environ.get("PATH", "")
    names = [machine.environ.get("CXX", "").split(" ")[0], "c++", "g++", "clang++"]
    return next((found for name in names if name and (found := shutil.which(name, path=path))), "")


def _compiler_problem(machine: Machine) -> tuple[str, str]:
    install = "sudo apt install build-essential cmake"
    compiler = _compiler(machine)
    if not compiler:
        return "no C++ compiler on PATH", install
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / "program")
        answer = machine.run([compiler, "-x", "c++", "-", "-o", target], 30.0, "#include <string>\nint main() {}\n")
    return ("", "") if answer.code == 0 else (f"{compiler} builds nothing: {answer.last_words}", install)


def _cmake_problem(machine: Machine) -> tuple[str, str]:
    wanted = ".".join(map(str, OLDEST_CMAKE))
    install = "sudo apt install cmake, or: pip install 'cmake>=3.20,<4'"
    cmake = shutil.which("cmake", path=machine.environ.get("PATH", ""))
    if not cmake:
        return "no CMake on PATH", install
    answer = machine.run([cmake, "--version"], 20.0)
    match = re.search(r"version (\d+)\.(\d+)", answer.output)
    if answer.code != 0 or match is None:
        return f"{cmake} does not run: {answer.last_words}", install
    if (int(match[1]), int(match[2])) < OLDEST_CMAKE:
        return f"CMake {match[1]}.{match[2]}; valid: {wanted} or newer", install
    return "", ""

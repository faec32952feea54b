"""The order of the code: what may know ROS, what importing the package may load, names that would clash, and file
lengths.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "strands_robots"
MODULES = sorted(SOURCE.rglob("*.py"))

# Packages of ROS 2 that are no message packages.
ROS_LIBRARIES = {"ament_index_python", "cv_bridge", "launch", "launch_ros", "rclpy", "rosbag2_py", "tf2_ros"}
GENERATED = {"strands_robots.action", "strands_robots.msg", "strands_robots.srv"}
HEAVY = ("rclpy", "torch", "mujoco", "pydantic", "numpy", "typer", "lerobot")


@functools.cache
def _imports(path: Path) -> tuple[tuple[str, int], ...]:
    """Return the full name of each imported module and its line, imports inside functions too."""
    return tuple(_found_imports(path))


def _found_imports(path: Path) -> Iterator[tuple[str, int]]:
    package = ["strands_robots", *path.relative_to(SOURCE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield module, node.lineno
            yield from ((f"{module}.{alias.name}", node.lineno) for alias in node.names)


def _is_ros(module: str) -> bool:
    parts = module.split(".")
    is_message = len(parts) > 1 and parts[1] in ("msg", "srv", "action") and parts[0] != "strands_robots"
    return parts[0] in ROS_LIBRARIES or parts[0].startswith("rosidl") or is_message or ".".join(parts[:2]) in GENERATED


_SPEC = importlib.util.spec_from_file_location("floors", ROOT / "tools" / "docs" / "floors.py")
assert _SPEC is not None and _SPEC.loader is not None
floors = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(floors)
FLOORS: tuple[str, ...] = floors.ORDER

REAL = ("drivers", "teleop", "control", "safety", "motion", "nodes/driver", "nodes/teleop", "nodes/safety")
"""What runs beside a real arm, which needs no simulator."""


def _name(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def _module(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(("strands_robots", *(parts[:-1] if parts[-1] == "__init__" else parts)))


FILES = {_module(path): path for path in MODULES}


def _own_imports(path: Path) -> dict[Path, int]:
    """Return the files of the package that a file imports, each with a line; packages' own __init__ files left out."""
    found = {FILES[module]: line for module, line in _imports(path) if module in FILES}
    return {other: line for other, line in found.items() if other != path and other.name != "__init__.py"}


def _room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0]


IN_ROOMS = [path for path in MODULES if path.parent != SOURCE]
CORE = [path for path in MODULES if _room(path) not in floors.KNOW_ROS]


def test_every_folder_is_a_room_of_the_plan() -> None:
    assert {_room(path) for path in IN_ROOMS} <= set(FLOORS)
    assert [path.name for path in MODULES if path.parent == SOURCE] == ["__init__.py"]


def test_drawing_of_the_floors_is_up_to_date() -> None:
    drawn = (ROOT / "docs" / "images" / "floors.svg").read_text(encoding="utf-8")
    assert drawn == floors.picture({_room(path) for path in IN_ROOMS}), "run: python tools/docs/floors.py"


def test_nothing_imports_upwards() -> None:
    found = [
        f"{_name(path)}:{line} {_name(other)}"
        for path in IN_ROOMS
        for other, line in _own_imports(path).items()
        if FLOORS.index(_room(other)) > FLOORS.index(_room(path))
    ]
    assert not found, f"imports from a room above their own: {found}; the order is {' '.join(FLOORS)}"


def test_nothing_imports_a_node() -> None:
    """The rooms of nodes are above all but the command line, and no node's room is imported by another one."""
    found = [
        f"{_name(path)}:{line} {_name(other)}"
        for path in IN_ROOMS
        for other, line in _own_imports(path).items()
        if _room(other) == "nodes" and other.relative_to(SOURCE).parts[:2] != path.relative_to(SOURCE).parts[:2]
    ]
    assert not found, f"only executables import nodes/: {found}"


def test_no_file_imports_in_a_circle() -> None:
    graph = {path: set(_own_imports(path)) for path in MODULES}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise AssertionError(" -> ".join(_name(path) for path in error.args[1])) from None


@pytest.mark.parametrize("room", REAL)
def test_a_real_arm_needs_no_simulator(room: str) -> None:
    files = [path for path in MODULES if _name(path).startswith(f"{room}/")]
    found = [
        f"{_name(path)}:{line} {_name(other)}"
        for path in files
        for other, line in _own_imports(path).items()
        if _room(other) == "sim"
    ]
    assert files and not found


def test_module_of_the_core_imports_no_ros() -> None:
    launch_files = ("bringup/ros_launch.py", "bringup/moveit_launch.py")
    found = sorted(
        {
            f"{_name(path)}:{line} {module}"
            for path in CORE
            for module, line in _imports(path)
            if _is_ros(module) and not (_name(path) in launch_files and module.startswith("launch"))
        }
    )
    assert not found, f"only ros/, clients/ and nodes/ may import ROS: {found}"


def test_module_has_at_most_400_lines() -> None:
    lines = {_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    too_long = {name: count for name, count in lines.items() if count > 400}
    assert not too_long, f"split these by concept: {too_long}"


def test_no_module_hides_generated_interfaces() -> None:
    clashing = [path for path in SOURCE.rglob("*") if path.stem in ("msg", "srv", "action") and path.parent == SOURCE]
    assert not clashing, f"rosidl generates these names: {clashing}"


def test_import_of_the_package_loads_nothing_heavy() -> None:
    code = f"import sys, strands_robots; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]", f"`import strands_robots` loads {done.stdout.strip()}"


def test_every_lazy_name_exists() -> None:
    import strands_robots

    missing = [name for name in strands_robots.__all__ if not hasattr(strands_robots, name)]
    assert not missing
    assert set(strands_robots.__all__) <= set(dir(strands_robots))


def test_version_is_the_same_everywhere() -> None:
    import strands_robots

    assert strands_robots.__version__ == ElementTree.parse(ROOT / "package.xml").findtext("version")


def test_package_xml_names_every_ros_package_in_use() -> None:
    manifest = ElementTree.parse(ROOT / "package.xml").getroot()
    declared = {element.text for element in manifest if element.tag.endswith("depend")}
    used = {module.split(".")[0] for path in MODULES for module, _ in _imports(path) if _is_ros(module)}
    for path in [*ROOT.glob("msg/*.msg"), *ROOT.glob("srv/*.srv"), *ROOT.glob("action/*.action")]:
        used |= set(re.findall(r"^([a-z][a-z0-9_]*)/[A-Z]", path.read_text(encoding="utf-8"), re.MULTILINE))
    missing = sorted(used - declared - {"strands_robots"})
    assert not missing, f"package.xml lacks {missing}"

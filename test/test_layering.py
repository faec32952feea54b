"""The order of the code: what may know ROS, what importing the package may load, names that would clash, and file
lengths.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
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


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the full name of each imported module and its line, imports inside functions too."""
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


CORE = [path for path in MODULES if path.name != "node.py" and path.relative_to(SOURCE).parts[0] != "ros"]


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(SOURCE)))
def test_module_of_the_core_imports_no_ros(path: Path) -> None:
    found = sorted({f"line {line}: {module}" for module, line in _imports(path) if _is_ros(module)})
    assert not found, f"{path.relative_to(ROOT)} imports ROS; only node.py and ros/ may: {found}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_module_has_at_most_400_lines(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 400, f"{path.relative_to(ROOT)} has {lines} lines; split it by concept"


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

"""Robots of collections: found, told with their licence, and clear words where a collection is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from strands_robots.bringup.robots import parse_robot
from strands_robots.cli.main import app
from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.description import robot_sources
from strands_robots.description.robot_sources import collections, find_model

ARM = (Path(__file__).parent / "data" / "two_joint_arm.urdf").read_text(encoding="utf-8")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed example-robot-data with one robot."""
    folder = tmp_path / "share" / "example-robot-data" / "robots" / "arm_description"
    (folder / "urdf").mkdir(parents=True)
    (folder / "urdf" / "arm.urdf").write_text(ARM, encoding="utf-8")
    (folder / "README.md").write_text("# Arm\n\nlicense: MPL-2.0\n", encoding="utf-8")
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path), prepend=":")
    return folder


@pytest.fixture
def descriptions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed robot_descriptions with a robot, a xacro, and one that cannot be cloned."""
    package = tmp_path / "site" / "robot_descriptions"
    package.mkdir(parents=True)
    model = tmp_path / "arm.urdf"
    model.write_text(ARM, encoding="utf-8")
    (package / "__init__.py").write_text(
        "from types import SimpleNamespace as E\n"
        "__version__ = '3.3.0'\n"
        "DESCRIPTIONS = {n: E(license_spdx='BSD-3-Clause', has_urdf=True, has_mjcf=False) for n in "
        "('arm_description', 'xacro_description', 'far_description')}\n"
        "DESCRIPTIONS['arm_mj_description'] = E(license_spdx=None, has_urdf=False, has_mjcf=True)\n",
        encoding="utf-8",
    )
    (package / "arm_mj_description.py").write_text(f"MJCF_PATH = {str(model)!r}\n", encoding="utf-8")
    (package / "arm_description.py").write_text(f"URDF_PATH = {str(model)!r}\n", encoding="utf-8")
    (package / "xacro_description.py").write_text("XACRO_PATH = 'x.xacro'\n", encoding="utf-8")
    (package / "far_description.py").write_text("raise OSError('no network')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(package.parent))
    yield model
    for name in [name for name in sys.modules if name.startswith("robot_descriptions")]:
        del sys.modules[name]


def test_robot_of_example_robot_data_is_found_with_its_licence(data: Path) -> None:
    found = find_model("example_robot_data:arm")
    assert found.path == data / "urdf" / "arm.urdf" and found.licence == "MPL-2.0"


def test_licence_file_counts_where_the_readme_says_nothing(data: Path) -> None:
    (data / "README.md").unlink()
    (data / "LICENSE").write_text("\n   Apache License\n   Version 2.0\n\nmore", encoding="utf-8")
    assert find_model("example_robot_data:arm").licence == "Apache License Version 2.0"


def test_robot_without_licence_is_told_as_such(data: Path) -> None:
    (data / "README.md").unlink()
    assert find_model("example_robot_data:arm").licence == robot_sources.NOT_STATED


def test_mjcf_comes_before_urdf(descriptions: Path) -> None:
    found = find_model("robot_descriptions:arm")
    assert found.path == descriptions and found.licence == robot_sources.NOT_STATED
    assert found.collection == "robot_descriptions 3.3.0"


def test_robot_that_is_only_a_xacro_is_refused_by_name(descriptions: Path) -> None:
    with pytest.raises(ConfigurationError, match="no MJCF or URDF file of 'xacro'"):
        find_model("robot_descriptions:xacro")


def test_robot_that_cannot_be_fetched_says_why(descriptions: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no network.*needs git and the network"):
        find_model("robot_descriptions:far")


def test_unknown_robot_of_a_collection_lists_the_nearest(descriptions: Path, data: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'xacro'"):
        find_model("robot_descriptions:xacr")
    with pytest.raises(UnknownNameError, match="did you mean 'arm'"):
        find_model("example_robot_data:arn")


@pytest.mark.parametrize(
    ("reference", "package"),
    [("robot_descriptions:ur5e", "robot_descriptions"), ("example_robot_data:panda", "example-robot-data")],
)
def test_collection_that_is_not_installed_says_what_to_install(
    reference: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(robot_sources, "_data_folders", list)
    monkeypatch.setattr(robot_sources, "_descriptions_module", lambda: None)
    with pytest.raises(ConfigurationError, match=f"pip install {package}"):
        parse_robot(reference)
    assert not any(entry.is_installed for entry in collections())


def test_graph_takes_the_file_and_shows_the_licence(data: Path) -> None:
    robot = parse_robot("left:=example_robot_data:arm@0,1,0")
    assert (robot.name, robot.pose) == ("left", "0,1,0")
    assert robot.model == str(data / "urdf" / "arm.urdf") and "MPL-2.0" in robot.origin
    assert parse_robot("example_robot_data:arm").name == "arm"


def test_list_and_show_name_robots_licences_and_limits(data: Path) -> None:
    runner = CliRunner()
    listed = runner.invoke(app, ["robots", "list"]).output
    assert "so101" in listed and "panda" in listed and "[Apache-2.0]" in listed and "robots list --collection" in listed
    assert (
        "example_robot_data:arm  [MPL-2.0]"
        in runner.invoke(app, ["robots", "list", "--collection", "example_robot_data"]).output
    )
    shown = runner.invoke(app, ["robots", "show", "example_robot_data:arm"]).output
    assert "MPL-2.0" in shown and "joint" in shown
    panda = runner.invoke(app, ["robots", "show", "panda"]).output
    assert "panda_joint7" in panda and "wrist: 640 x 480" in panda and "2.175" in panda
    assert panda.isascii()


def test_real_example_robot_data_agrees_with_our_panda() -> None:
    """Runs where the package is installed."""
    if not any("cmeel" in str(folder) for folder in robot_sources._data_folders()):
        pytest.skip("example-robot-data is not installed (pip install example-robot-data)")
    from strands_robots.description.robot_config import load_robot
    from strands_robots.description.robot_model import describe_model

    ours, theirs = load_robot("panda"), describe_model(find_model("example_robot_data:panda").path)
    for name in (f"panda_joint{number}" for number in range(1, 8)):
        assert ours.joints[name].upper == pytest.approx(theirs.joints[name].upper)
        assert ours.joints[name].effort == pytest.approx(theirs.joints[name].effort)

"""A description as a page draws it in 3D: shapes, joints, mimics, and descriptions that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="starlette is not installed: pip install -r requirements/console.txt")

from strands_robots.console.model_reads import ModelReads
from strands_robots.console.robot_meshes import RobotMeshes
from strands_robots.console.robot_shapes import MOST_SHAPES, shapes_from_urdf
from strands_robots.console.world_scene import WorldScene
from strands_robots.core.errors import ModelError

from .test_reads import served

ROOT = Path(__file__).resolve().parents[2]
SMALL = """<robot name="r"><material name="red"><color rgba="1 0 0 1"/></material>
<link name="base"><visual><geometry><box size="1 2 3"/></geometry><material name="red"/></visual></link>
<link name="tip"><visual><origin xyz="0 0 1" rpy="0 1.5 0"/><geometry><cylinder radius="0.1" length="0.4"/></geometry></visual>
<visual><geometry><mesh filename="file:///etc/passwd"/></geometry></visual></link>
<joint name="turn" type="revolute"><parent link="base"/><child link="tip"/><origin xyz="0 0 3"/><axis xyz="0 0 1"/></joint>
<joint name="follow" type="revolute"><parent link="tip"/><child link="other"/><mimic joint="turn" multiplier="-2"/></joint></robot>"""


def test_shapes_and_joints_are_what_the_description_says_and_a_mesh_is_counted_and_never_read() -> None:
    found = shapes_from_urdf(SMALL)
    (box,), (cylinder,) = (link["shapes"] for link in found["links"])
    assert box["size"] == [1.0, 2.0, 3.0] and box["rgba"] == [1.0, 0.0, 0.0, 1.0]
    assert cylinder["size"] == [0.1, 0.4] and cylinder["rpy"] == [0.0, 1.5, 0.0]
    assert found["meshes"] == 1 and "root:" not in str(found)
    assert found["joints"][0]["axis"] == [0.0, 0.0, 1.0] and found["joints"][1]["mimic"]["multiplier"] == -2.0


@pytest.mark.parametrize("robot", ["so101", "panda", "ur5e"])
def test_the_robots_of_this_package_are_drawn(robot: str) -> None:
    found = shapes_from_urdf((ROOT / "urdf" / robot / f"{robot}.urdf").read_text(encoding="utf-8"))
    names = {link["name"] for link in found["links"]}
    assert all(joint["parent"] in names and joint["child"] in names for joint in found["joints"])
    assert sum(len(link["shapes"]) for link in found["links"]) > 5 and found["meshes"] == 0


@pytest.mark.parametrize(
    "text",
    [
        "no XML", SMALL.replace("1 2 3", "1 2"), SMALL.replace("1 2 3", "1 2 nan"), SMALL.replace('<child link="tip"/>', ""),
        "<robot><link>" + "<visual><geometry><sphere radius='1'/></geometry></visual>" * (MOST_SHAPES + 1) + "</link></robot>",
    ],
)  # fmt: skip
def test_a_description_that_cannot_be_drawn_is_refused_in_words(text: str) -> None:
    with pytest.raises(ModelError, match="description"):
        shapes_from_urdf(text)


def nothing_around(robot: str, number: int) -> dict[str, Any]:
    return WorldScene().since(number)


def test_a_robot_that_no_page_sees_has_no_description() -> None:
    client = served(
        *ModelReads(
            {"so101": SMALL}.get, WorldScene().since, nothing_around, lambda robot: {}, RobotMeshes([]).of
        ).routes()
    )
    assert len(client.get("/robot/so101/model").json()["links"]) == 2
    assert client.get("/robot/other/model").status_code == 409


TETRAHEDRON = """solid t
facet normal 0 0 0\nouter loop\nvertex 0 0 0\nvertex 0 0.2 0\nvertex 0.1 0 0\nendloop\nendfacet
facet normal 0 0 0\nouter loop\nvertex 0 0 0\nvertex 0.1 0 0\nvertex 0 0 0.3\nendloop\nendfacet
facet normal 0 0 0\nouter loop\nvertex 0 0 0\nvertex 0 0 0.3\nvertex 0 0.2 0\nendloop\nendfacet
facet normal 0 0 0\nouter loop\nvertex 0.1 0 0\nvertex 0 0.2 0\nvertex 0 0 0.3\nendloop\nendfacet
endsolid t
"""
MESHED = """<robot name="m">
<link name="base"><inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>
<visual><geometry><mesh filename="part.stl"/></geometry></visual></link>
<link name="tip"><inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>
<visual><origin xyz="0 0 0.5"/><geometry><mesh filename="part.stl"/></geometry></visual>
<visual><geometry><sphere radius="0.1"/></geometry></visual></link>
<joint name="turn" type="revolute"><parent link="base"/><child link="tip"/><origin xyz="0 0 1"/><axis xyz="0 0 1"/>
<limit lower="-1" upper="1" velocity="1" effort="1"/></joint></robot>"""


def test_meshes_of_a_robot_that_the_console_was_given_are_drawn_in_their_links(tmp_path: Path) -> None:
    (tmp_path / "part.stl").write_text(TETRAHEDRON)
    (tmp_path / "arm.urdf").write_text(MESHED)
    meshes = RobotMeshes([f"arm={tmp_path / 'arm.urdf'}"])
    urdfs = {"arm": MESHED, "other": MESHED}
    client = served(*ModelReads(urdfs.get, WorldScene().since, nothing_around, lambda robot: {}, meshes.of).routes())
    found = client.get("/robot/arm/model").json()
    links = {link["name"]: link["shapes"] for link in found["links"]}
    assert found["meshes"] == 0 and [shape["kind"] for shape in links["tip"]] == ["sphere", "triangles"]
    for name, height in (("base", 0.0), ("tip", 0.5)):
        points = links[name][-1]["points"]
        corners = {tuple(round(value, 3) + 0.0 for value in points[i : i + 3]) for i in range(0, len(points), 3)}
        expected = {(0.0, 0.0, height), (0.1, 0.0, height), (0.0, 0.2, height), (0.0, 0.0, round(0.3 + height, 3))}
        assert len(points) == 4 * 9 and corners == expected
    assert client.get("/robot/other/model").json()["meshes"] == 2, "a description alone makes no file be read"

"""Octrees that OctoMap 1.10 wrote (through pyoctomap 1.2.2): its cubes, and what is no octree."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.pose import Pose, rotation_matrix
from strands_robots.planning.octree import octree_shapes

FULL = base64.b64decode(
    "g+hYP8KD6Fg/QIPoWD9Ag+hYP0CD6Fg/QIPoWD9Ag+hYP0CD6Fg/QIPoWD9Ag+hYP0CD6Fg/QIPoWD9Ag+hYP0CD6Fg/EIPoWD8Qg+hYPwSD6Fg/AIPoWD8C"
    "g+hYPwKD6Fg/AoPoWD8Cg+hYPwKD6Fg/AoPoWD8Cg+hYPwKD6Fg/AoPoWD8Cg+hYPwKD6Fg/CIPoWD8Bg+hYPwKD6Fg/AoPoWD8Ag+hYPwGD6Fg/AYPoWD8B"
    "g+hYPwGD6Fg/AYPoWD8Bg+hYPwGD6Fg/AYPoWD8Bg+hYPwGD6Fg/AYPoWD8Jg+hYPwMfmc++gB+Zz74BH5nPvgCD6Fg/IIPoWD8Rg+hYPwCD6Fg/AIPoWD8A"
)
BINARY = base64.b64decode(
    "DPAAMAAwADAAMAAwADAAMAAwADAAMAAwADAAAwADIAAMAAwADAAMAAwADAAMAAwADAAMAAwAwAADAAwACAADAAMAAwADAAMAAwADAAMAAwADAAMAgwAPAADAAQAADAIC"
)
RESOLUTION = 0.05
CUBES = {
    (0.025, -0.325, -0.075, 0.05),
    (-0.225, 0.425, 0.025, 0.05),
    (0.325, 0.025, 0.125, 0.05),
    (0.325, 0.025, 0.175, 0.05),
    (0.6, 0.6, 0.2, 0.4),  # 512 cells that are one
}
HERE = Pose(np.zeros(3), np.eye(3))


@pytest.mark.parametrize(("data", "is_binary"), [(FULL, False), (BINARY, True)], ids=["full", "binary"])
def test_the_cubes_are_those_that_the_library_has(data: bytes, is_binary: bool) -> None:
    shapes = octree_shapes("OcTree", data, RESOLUTION, HERE, is_binary=is_binary)
    found = {(*np.round(shape.pose.position, 6).tolist(), round(2.0 * shape.size[0], 6)) for shape in shapes}
    assert found == CUBES and {shape.kind for shape in shapes} == {"box"}
    assert len({shape.name for shape in shapes}) == len(CUBES)


def test_the_origin_moves_and_turns_them() -> None:
    origin = Pose(np.array([1.0, 0.0, 0.0]), rotation_matrix(np.array([0.0, 0.0, np.pi / 2.0])))
    shapes = octree_shapes("OcTree", BINARY, RESOLUTION, origin, is_binary=True)
    place = next(shape.pose.position for shape in shapes if shape.size[0] > 0.1)
    assert place == pytest.approx([1.0 - 0.6, 0.6, 0.2])


def test_no_data_is_no_cube() -> None:
    assert octree_shapes("OcTree", b"", RESOLUTION, HERE, is_binary=True) == ()


@pytest.mark.parametrize(
    ("kind", "data", "resolution", "words"),
    [
        ("OcTree", BINARY[:-1], RESOLUTION, "end in the middle of a node"),
        ("OcTree", BINARY + b"\0", RESOLUTION, "has 97 bytes; valid: 96"),
        ("OcTree", b"\xff" * 64, RESOLUTION, "end in the middle of a node, or go deeper than 16 levels"),
        ("OcTree", b"\xaa" * 2, 0.0, "resolution is 0 m; valid: 0.002 to 0.2"),
        ("OcTreeStamped", BINARY, RESOLUTION, "is a 'OcTreeStamped'; valid: OcTree, ColorOcTree"),
    ],
)
def test_what_is_no_octree_is_refused(kind: str, data: bytes, resolution: float, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        octree_shapes(kind, data, resolution, HERE, is_binary=True)

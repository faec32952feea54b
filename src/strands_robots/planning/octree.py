"""Reads octrees as OctoMap writes them: the cubes that are occupied. No I/O.

Source: Hornung et al. 2013, "OctoMap: an efficient probabilistic 3D mapping framework based on octrees"; octomap 1.10,
OccupancyOcTreeBase::readBinaryNode and OcTreeBaseImpl::readNodesRecurs.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.pose import Pose
from strands_robots.core.text import printable
from strands_robots.planning.planning_scene import MOST_SHAPES, VOXELS, Shape

DEPTH = 16
"""Levels of every octree of OctoMap."""

KINDS = {"OcTree": 4, "ColorOcTree": 7}
"""Octrees that are read, and how many bytes a node of their full form has: its log-odds, and for one a colour."""

_FREE, _OCCUPIED, _INNER = 1, 2, 3


@dataclass
class _Reader:
    """Reads nodes depth first.

    Attributes:
        data: The bytes.
        node_bytes: Bytes of a node of the full form.
        cubes: Occupied cubes: middle x, y, z and edge, in cells.
    """

    data: bytes
    node_bytes: int
    cubes: list[tuple[float, float, float, float]]
    _at: int = 0

    def binary(self, x: float, y: float, z: float, edge: float, level: int = 0) -> None:
        """Read an inner node of the binary form: two bits for each child."""
        bits = int.from_bytes(self._take(2, level), "little")
        kinds = [(bits >> 2 * child) & 3 for child in range(8)]
        for child, kind in enumerate(kinds):
            if kind == _OCCUPIED:
                self._add(*_middle(x, y, z, edge, child), edge / 2.0)
        for child, kind in enumerate(kinds):
            if kind == _INNER:
                self.binary(*_middle(x, y, z, edge, child), edge / 2.0, level + 1)

    def full(self, x: float, y: float, z: float, edge: float, level: int = 0) -> None:
        """Read a node of the full form: its log-odds, and which children it has."""
        *_, children = node = self._take(self.node_bytes + 1, level)
        if not children and struct.unpack_from("<f", node)[0] >= 0.0:
            self._add(x, y, z, edge)
        for child in range(8):
            if children >> child & 1:
                self.full(*_middle(x, y, z, edge, child), edge / 2.0, level + 1)

    def finish(self) -> None:
        """Check that nothing is left."""
        if self._at != len(self.data):
            raise ConfigurationError(f"the octree has {len(self.data)} bytes; valid: {self._at}, which its nodes need")

    def _add(self, x: float, y: float, z: float, edge: float) -> None:
        self.cubes.append((x, y, z, edge))
        if len(self.cubes) > MOST_SHAPES:
            raise ConfigurationError(
                f"the octree has more than {MOST_SHAPES} occupied cubes; valid: up to {MOST_SHAPES}, so a coarser one or a part of it"
            )

    def _take(self, count: int, level: int) -> bytes:
        if level > DEPTH or self._at + count > len(self.data):
            raise ConfigurationError(
                f"the octree's {len(self.data)} bytes end in the middle of a node, or go deeper than {DEPTH} levels; valid: data of "
                "octomap_msgs"
            )
        self._at += count
        return self.data[self._at - count : self._at]


def octree_shapes(
    kind: str, data: bytes, resolution: float, origin: Pose, *, is_binary: bool, name: str = "octomap"
) -> tuple[Shape, ...]:
    """Return the occupied cubes of an octree as boxes. Space that is unknown is free.

    Args:
        kind: Its class, one of `KINDS`.
        data: Its nodes, without a file's header, as in octomap_msgs/Octomap.
        resolution: Edge of the smallest cubes [m].
        origin: Pose of the octree in the base frame.
        is_binary: The form that says free or occupied only, else the one with probabilities.
        name: Beginning of the shapes' names.

    Raises:
        ConfigurationError: If it cannot be read; the message says why.
    """
    if kind not in KINDS:
        raise ConfigurationError(f"the octree is a '{printable(kind)}'; valid: {', '.join(KINDS)}")
    if not VOXELS[0] <= resolution <= VOXELS[1]:
        raise ConfigurationError(f"the octree's resolution is {resolution:g} m; valid: {VOXELS[0]:g} to {VOXELS[1]:g}")
    if not data:
        return ()
    reader = _Reader(data, KINDS[kind], [])
    read = reader.binary if is_binary else reader.full
    read(0.0, 0.0, 0.0, float(2**DEPTH))
    reader.finish()
    shapes = []
    for x, y, z, edge in reader.cubes:
        place = origin.at(Pose(resolution * np.array([x, y, z]), np.eye(3)))
        half = 0.5 * resolution * edge
        shapes.append(Shape(f"{name}/{x:g}_{y:g}_{z:g}", "box", (half, half, half), place))
    return tuple(shapes)


def _middle(x: float, y: float, z: float, edge: float, child: int) -> tuple[float, float, float]:
    """Return the middle of a node's child: bits of its number are x, y and z, set for the upper half."""
    quarter = 0.25 * edge
    return tuple(  # type: ignore[return-value]  # three
        value + (quarter if child >> axis & 1 else -quarter) for axis, value in enumerate((x, y, z))
    )

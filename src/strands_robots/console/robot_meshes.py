"""Meshes of the robots that the console was given, for pages that draw them in 3D. No ROS.

A description that the graph publishes is text of others, and a path in it makes nothing read files here. What is read is the model file
that a person named when the console was started, by the rule by which every process reads it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from strands_robots.core.errors import StrandsRobotsError
from strands_robots.description.robot_spec import RobotSpec, robot_spec

MOST_CORNERS = 600_000
"""Corners of triangles of a robot; the meshes beyond are left out."""

_DRAWN = 2
"""MuJoCo draws groups 0 to 2; a URDF's visuals are in the last of them."""


class RobotMeshes:
    """The meshes of some robots, each read once.

    Args:
        robots: "<name>=<robot>" each, as the console was given them.
    """

    def __init__(self, robots: Sequence[str]) -> None:
        self._robots = {text.partition("=")[0]: text for text in robots}
        self._lock = threading.Lock()
        self._read: dict[str, dict[str, list[dict[str, Any]]]] = {}

    def of(self, robot: str) -> dict[str, list[dict[str, Any]]]:
        """Return the meshes of each link; nothing for a robot that the console was not given, or whose model cannot be read.

        Each has `points`, the corners of its triangles [m], and `rgba`; both in the frame of its link.
        """
        with self._lock:
            if robot not in self._read:
                self._read[robot] = self._meshes(robot) if robot in self._robots else {}
            return self._read[robot]

    def _meshes(self, robot: str) -> dict[str, list[dict[str, Any]]]:
        try:
            return _read_meshes(robot_spec(self._robots[robot], 0, camera_rate=30.0))
        except StrandsRobotsError:
            return {}  # The robot's own node says what is wrong with it.


def _read_meshes(spec: RobotSpec) -> dict[str, list[dict[str, Any]]]:
    import mujoco

    from strands_robots.description.model_file import compile_model, open_model, read_root

    path, role = spec.config.urdf, f"robot '{spec.name}'"
    if path is None:
        return {}
    model = compile_model(open_model(path, role, spec.rule), path, role)
    root = _root_link(read_root(path, role, spec.rule))
    found: dict[str, list[dict[str, Any]]] = {}
    left = MOST_CORNERS
    for geom in range(model.ngeom):
        mesh = int(model.geom_dataid[geom])
        if model.geom_type[geom] != mujoco.mjtGeom.mjGEOM_MESH or model.geom_group[geom] > _DRAWN or mesh < 0:
            continue
        start, count = int(model.mesh_faceadr[mesh]), int(model.mesh_facenum[mesh])
        left -= 3 * count
        if left < 0:
            break
        first = int(model.mesh_vertadr[mesh])
        corners = model.mesh_vert[first : first + int(model.mesh_vertnum[mesh])]
        turn = np.zeros(9)
        mujoco.mju_quat2Mat(turn, model.geom_quat[geom])
        placed = corners @ turn.reshape(3, 3).T + model.geom_pos[geom]
        points = placed[model.mesh_face[start : start + count].ravel()]
        body = int(model.geom_bodyid[geom])
        entry = {
            "points": np.round(points, 5).ravel().tolist(),
            "rgba": model.geom_rgba[geom].astype(float).tolist(),
        }
        found.setdefault(model.body(body).name if body else root, []).append(entry)
    return found


def _root_link(robot: Any) -> str:
    """Return the link of a URDF that is no joint's child: MuJoCo puts its shapes into the world body."""
    children = {joint.find("child").get("link") for joint in robot.findall("joint") if joint.find("child") is not None}
    return next((link.get("name", "") for link in robot.findall("link") if link.get("name") not in children), "")

"""Forward kinematics of a URDF tree in plain numpy, an oracle for the tests that owes nothing to MuJoCo."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def rotation_from_rpy(roll: float, pitch: float, yaw: float) -> Matrix:
    """Return Rz(yaw) Ry(pitch) Rx(roll), (3, 3). Source: URDF specification, element origin."""
    cr, sr, cp, sp, cy, sy = *_cos_sin(roll), *_cos_sin(pitch), *_cos_sin(yaw)
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ]
    )


def _cos_sin(angle: float) -> tuple[float, float]:
    return float(np.cos(angle)), float(np.sin(angle))


def numbers(text: str) -> Matrix:
    return np.array([float(part) for part in text.split()])


def transform_of(element: ElementTree.Element) -> Matrix:
    """Return the (4, 4) transform of the origin child of a joint, visual, collision or inertial element."""
    origin = element.find("origin")
    transform = np.eye(4)
    if origin is not None:
        transform[:3, :3] = rotation_from_rpy(*numbers(origin.get("rpy", "0 0 0")))
        transform[:3, 3] = numbers(origin.get("xyz", "0 0 0"))
    return transform


class UrdfTree:
    """Links and joints of a URDF file with revolute, prismatic and fixed joints; a mimic joint takes its leader's position."""

    def __init__(self, path: Path) -> None:
        root = ElementTree.parse(path).getroot()
        self.links = {link.attrib["name"]: link for link in root.findall("link")}
        self.joints = {joint.attrib["name"]: joint for joint in root.findall("joint")}

    def axis(self, joint: str) -> Matrix:
        return numbers(self.joints[joint].find("axis").attrib["xyz"])  # type: ignore[union-attr]

    def limit(self, joint: str, key: str) -> float:
        return float(self.joints[joint].find("limit").attrib[key])  # type: ignore[union-attr]

    def pose(self, link: str, positions: dict[str, float]) -> Matrix:
        """Return the (4, 4) pose of a link in the root link [m]; positions in rad or m."""
        for name, joint in self.joints.items():
            if joint.find("child").attrib["link"] == link:  # type: ignore[union-attr]
                parent = self.pose(joint.find("parent").attrib["link"], positions)  # type: ignore[union-attr]
                turn = np.eye(4)
                mimic = joint.find("mimic")
                position = positions.get(name if mimic is None else mimic.attrib["joint"], 0.0)
                if joint.attrib["type"] == "prismatic":
                    turn[:3, 3] = self.axis(name) * position
                elif joint.attrib["type"] != "fixed":
                    turn[:3, :3] = _rotation_about(self.axis(name), positions[name])
                return parent @ transform_of(joint) @ turn
        return np.eye(4)


def _rotation_about(axis: Matrix, angle: float) -> Matrix:
    x, y, z = axis
    skew = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    rotation: Matrix = np.eye(3) + np.sin(angle) * skew + (1.0 - np.cos(angle)) * skew @ skew
    return rotation

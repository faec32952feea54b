"""Fixed links that a robot's URDF has and its MJCF does not: tool frames, camera housings. RViz's robot model asks for every link."""

from __future__ import annotations

from xml.etree import ElementTree

import mujoco
import numpy as np

from strands_robots.sim.world.world import World

Pose = tuple[str, str, list[float], list[float]]
"""Frame, parent frame, origin in the parent [m], rotation in the parent as xyzw."""


def description_frames(world: World, known: set[str]) -> list[Pose]:
    """Return the frames of fixed URDF joints that are not published yet.

    Args:
        world: The world.
        known: Names of the frames that are published already; a frame has one publisher.
    """
    frames: list[Pose] = []
    for name, robot in world.robots.items():
        if robot.config.urdf is None or robot.config.mjcf is None:
            continue  # without an MJCF every link of the URDF is a body
        for joint in ElementTree.parse(robot.config.urdf).getroot().findall("joint"):
            parent, child = joint.find("parent"), joint.find("child")
            if joint.get("type") != "fixed" or parent is None or child is None:
                continue
            frame = f"{name}/{child.get('link')}"
            if frame not in known:
                frames.append((frame, f"{name}/{parent.get('link')}", *_origin(joint)))
    return frames


def _origin(joint: ElementTree.Element) -> tuple[list[float], list[float]]:
    """Return position and rotation, xyzw, of a joint's origin. Source: URDF specification, element origin."""
    origin = joint.find("origin")
    xyz, rpy = ("0 0 0", "0 0 0") if origin is None else (origin.get("xyz", "0 0 0"), origin.get("rpy", "0 0 0"))
    quaternion = np.array([1.0, 0.0, 0.0, 0.0])
    for axis, angle in zip(np.eye(3)[::-1], reversed([float(part) for part in rpy.split()])):
        turn, product = np.empty(4), np.empty(4)
        mujoco.mju_axisAngle2Quat(turn, axis, angle)
        mujoco.mju_mulQuat(product, quaternion, turn)
        quaternion = product
    return [float(part) for part in xyz.split()], [float(quaternion[i]) for i in (1, 2, 3, 0)]

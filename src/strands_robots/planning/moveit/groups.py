"""The planning groups of a robot: its arm, a chain from the base to the tool, and its gripper. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

from strands_robots.core.errors import ModelError
from strands_robots.description.robot_config import RobotConfig

ARM = "arm"
GRIPPER = "gripper"
END_EFFECTOR = "hand"


@dataclass(frozen=True)
class Groups:
    """Names of links and joints, as the URDF has them.

    Attributes:
        base: First link of the arm.
        tip: Last link of the arm: the tool frame.
        arm_joints: Joints between the two that move, in order.
        gripper_joints: Joints of the gripper; none without one.
        gripper_links: Links that they move.
        parent: Link that carries the gripper.
        passive: Joints that follow others.
    """

    base: str
    tip: str
    arm_joints: tuple[str, ...]
    gripper_joints: tuple[str, ...]
    gripper_links: tuple[str, ...]
    parent: str
    passive: tuple[str, ...]


def groups(config: RobotConfig, urdf: ElementTree.Element) -> Groups:
    """Return the groups of a robot.

    Args:
        config: The robot; its base and tool frame are the arm's ends.
        urdf: Root of its URDF.

    Raises:
        ModelError: If the URDF has no chain from the base to the tool.
    """
    joints = {_child(joint): joint for joint in urdf.findall("joint")}
    chain: list[ElementTree.Element] = []
    link = config.tool_frame or ""
    while link != config.base_frame:
        if link not in joints:
            raise ModelError(
                f"the URDF of '{config.name}' has no chain from '{config.base_frame}' to '{config.tool_frame}'; it ends at '{link}'"
            )
        chain.append(joints[link])
        link = _parent(joints[link])
    gripper = tuple(config.gripper.joints) if config.gripper is not None else ()
    by_name = {joint.get("name", ""): joint for joint in urdf.findall("joint")}
    passive = tuple(name for name, joint in by_name.items() if joint.find("mimic") is not None)
    moved = [_child(by_name[name]) for name in (*gripper, *passive) if name in by_name]
    arm = tuple(
        joint.get("name", "")
        for joint in reversed(chain)
        if joint.get("type") != "fixed" and joint.get("name") not in gripper
    )
    parent = _parent(by_name[gripper[0]]) if gripper else ""
    return Groups(config.base_frame or "", config.tool_frame or "", arm, gripper, tuple(moved), parent, passive)


def _parent(joint: ElementTree.Element) -> str:
    parent = joint.find("parent")
    return parent.get("link", "") if parent is not None else ""


def _child(joint: ElementTree.Element) -> str:
    child = joint.find("child")
    return child.get("link", "") if child is not None else ""

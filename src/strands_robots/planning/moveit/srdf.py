"""The SRDF of a robot: groups, named states, end effector, passive joints, pairs of links without collision check. No I/O.

Source: srdfdom, SRDF format as MoveIt 2 reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree

from strands_robots.description.robot_config import RobotConfig
from strands_robots.planning.moveit.groups import ARM, END_EFFECTOR, GRIPPER, Groups


def srdf(config: RobotConfig, groups: Groups, disabled: Mapping[tuple[str, str], str]) -> str:
    """Return the text of the SRDF.

    Args:
        config: The robot.
        groups: Its groups.
        disabled: Pairs of links, each with the reason why they need no check.
    """
    root = ElementTree.Element("robot", name=config.name)
    arm = ElementTree.SubElement(root, "group", name=ARM)
    ElementTree.SubElement(arm, "chain", base_link=groups.base, tip_link=groups.tip)
    if groups.gripper_joints:
        gripper = ElementTree.SubElement(root, "group", name=GRIPPER)
        for link in groups.gripper_links:
            ElementTree.SubElement(gripper, "link", name=link)
        for joint in groups.gripper_joints:
            ElementTree.SubElement(gripper, "joint", name=joint)
    _state(root, ARM, "home", {joint: config.home[joint] for joint in groups.arm_joints if joint in config.home})
    if config.gripper is not None:
        for name, position in (("open", config.gripper.open), ("closed", config.gripper.closed)):
            _state(root, GRIPPER, name, dict.fromkeys(groups.gripper_joints, position))
        ElementTree.SubElement(
            root, "end_effector", name=END_EFFECTOR, parent_link=groups.tip, group=GRIPPER, parent_group=ARM
        )
    for joint in groups.passive:
        ElementTree.SubElement(root, "passive_joint", name=joint)
    for (one, other), reason in sorted(disabled.items()):
        ElementTree.SubElement(root, "disable_collisions", link1=one, link2=other, reason=reason)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _state(root: ElementTree.Element, group: str, name: str, positions: Mapping[str, float]) -> None:
    if not positions:
        return
    state = ElementTree.SubElement(root, "group_state", name=name, group=group)
    for joint, position in positions.items():
        ElementTree.SubElement(state, "joint", name=joint, value=f"{position:.9g}")

"""Joint limits as a robot description (URDF) states them. ROS-free; no I/O."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np

from strands_robots.core.errors import ModelError
from strands_robots.core.types import JointLimits


def limits_from_urdf(text: str) -> JointLimits:
    """Return the limits of every joint that moves by itself, in the order of the description.

    Accelerations are infinite, because a URDF has none; so is whatever it leaves out.

    Args:
        text: URDF.

    Raises:
        ModelError: If the text is not a URDF with at least one such joint.

    Source: wiki.ros.org/urdf/XML/joint.
    """
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ModelError(f"the robot description is not XML: {error}") from error
    joints = [
        joint
        for joint in root.findall("joint")
        if joint.get("type") in ("revolute", "continuous", "prismatic") and joint.find("mimic") is None
    ]
    if not joints:
        raise ModelError(
            "the robot description has no joint that moves; valid: a URDF with revolute, continuous or prismatic joints"
        )
    return JointLimits(
        names=tuple(joint.get("name", "") for joint in joints),
        lower=np.array(
            [_limit(joint, "lower", 0.0 if joint.get("type") != "continuous" else -np.inf) for joint in joints]
        ),
        upper=np.array(
            [_limit(joint, "upper", 0.0 if joint.get("type") != "continuous" else np.inf) for joint in joints]
        ),
        velocity=np.array([_limit(joint, "velocity", np.inf) for joint in joints]),
        acceleration=np.full(len(joints), np.inf),
        effort=np.array([_limit(joint, "effort", np.inf) for joint in joints]),
    )


def _limit(joint: ElementTree.Element, name: str, missing: float) -> float:
    element = joint.find("limit")
    text = None if element is None else element.get(name)
    try:
        return missing if text is None else float(text)
    except ValueError:
        raise ModelError(f"limit {name} of joint '{joint.get('name')}' is '{text}'; valid: a number") from None

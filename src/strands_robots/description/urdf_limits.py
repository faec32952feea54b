"""Joint limits as a robot description (URDF) states them. ROS-free; no I/O."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np

from strands_robots.core.errors import ModelError
from strands_robots.core.text import printable
from strands_robots.core.types import JointLimits


def limits_from_urdf(text: str) -> JointLimits:
    """Return the limits of every joint that moves by itself, in the order of the description.

    Accelerations are infinite, because a URDF has none; so is whatever it leaves out.

    Args:
        text: URDF.

    Raises:
        ModelError: If the text is not a URDF with at least one such joint, or a limit of it cannot be meant.

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
    check_limits(root)
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


def check_limits(root: ElementTree.Element) -> None:
    """Refuse a URDF with a limit that cannot be meant, which MuJoCo would drop without a word.

    Limits from 0 to 0, and none at all, stand for a joint without limits in many published files; `unlimited` names those joints.

    Raises:
        ModelError: If a limit is no number, or the lowest position is above the highest or equal to it.
    """
    for joint in root.findall("joint"):
        for name in ("effort", "velocity"):
            _limit(joint, name, 0.0)
        lower, upper = _limit(joint, "lower", 0.0), _limit(joint, "upper", 0.0)
        is_stated = lower != 0.0 or upper != 0.0
        if joint.get("type") in ("revolute", "prismatic") and is_stated and not lower < upper:
            raise ModelError(
                f"joint '{joint.get('name')}' has limits from {lower} to {upper}; valid: lower below upper (a joint that does not move "
                "is of type fixed)"
            )


def unlimited(root: ElementTree.Element) -> list[str]:
    """Return the revolute and prismatic joints of a URDF whose limits are left out or 0 to 0."""
    return [
        joint.get("name", "")
        for joint in root.findall("joint")
        if joint.get("type") in ("revolute", "prismatic")
        and _limit(joint, "lower", 0.0) == _limit(joint, "upper", 0.0) == 0.0
    ]


def velocity_limits(root: ElementTree.Element) -> dict[str, float]:
    """Return joint name -> velocity limit [rad/s] or [m/s] of a URDF, for those that are stated and finite."""
    found = {joint.get("name", ""): _limit(joint, "velocity", 0.0) for joint in root.findall("joint")}
    return {name: velocity for name, velocity in found.items() if 0.0 < velocity < np.inf}


def soft_limits(root: ElementTree.Element) -> dict[str, tuple[float, float]]:
    """Return joint name -> lowest and highest position [rad] or [m] of a URDF's safety controllers.

    Source: wiki.ros.org/pr2_controller_manager/safety_limits.
    """
    found = {}
    for joint in root.findall("joint"):
        controller = joint.find("safety_controller")
        if controller is None or joint.get("type") == "continuous":
            continue
        lower = _number(joint, "soft_lower_limit", controller.get("soft_lower_limit"), 0.0)
        upper = _number(joint, "soft_upper_limit", controller.get("soft_upper_limit"), 0.0)
        if lower < upper:
            found[joint.get("name", "")] = lower, upper
    return found


def _limit(joint: ElementTree.Element, name: str, missing: float) -> float:
    element = joint.find("limit")
    return _number(joint, name, None if element is None else element.get(name), missing)


def _number(joint: ElementTree.Element, name: str, text: str | None, missing: float) -> float:
    try:
        number = missing if text is None else float(text)
    except ValueError:
        number = np.nan
    if np.isnan(number):
        raise ModelError(f"limit {name} of joint '{joint.get('name')}' is '{printable(text)}'; valid: a number")
    return number

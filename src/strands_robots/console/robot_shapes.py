"""A robot's description (URDF) as a page draws it in 3D: links with their shapes, and the joints between them. No I/O; no ROS.

Source: wiki.ros.org/urdf/XML.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

from strands_robots.core.errors import ModelError

MOST_SHAPES = 4000
MOST_LINKS = 512
_GREY = (0.6, 0.6, 0.62, 1.0)


def shapes_from_urdf(text: str) -> dict[str, Any]:
    """Return links, joints and what is not drawn: boxes, cylinders and spheres are, meshes are counted.

    Positions are in m, angles (roll, pitch, yaw about fixed axes) in rad, each in the frame of the link or of the parent link.

    Raises:
        ModelError: If the text is no URDF, has more than a page can draw, or a number of it is none.
    """
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ModelError(f"the robot description is not XML: {error}") from error
    colours = {
        str(material.get("name")): _colour(material, {})
        for material in root.findall("material")
        if material.get("name")
    }
    links, meshes, count = [], 0, 0
    for link in root.findall("link")[: MOST_LINKS + 1]:
        shapes, own = [], 0
        for visual in link.findall("visual"):
            shape = _shape(visual, colours)
            own += shape is None
            if shape is not None:
                shapes.append(shape)
        count += len(shapes)
        meshes += own
        links.append({"name": link.get("name", ""), "shapes": shapes, "meshes": own})
    if count > MOST_SHAPES or len(links) > MOST_LINKS:
        raise ModelError(
            f"the robot description has {count} shapes in {len(links)} links; valid: up to {MOST_SHAPES} in {MOST_LINKS}"
        )
    return {"links": links, "joints": [_joint(joint) for joint in root.findall("joint")], "meshes": meshes}


def _shape(visual: ElementTree.Element, colours: dict[str, tuple[float, ...]]) -> dict[str, Any] | None:
    """Return a shape that can be drawn; None for a mesh."""
    geometry = visual.find("geometry")
    found = next(iter(geometry), None) if geometry is not None else None
    if found is None or found.tag not in ("box", "cylinder", "sphere"):
        return None
    size: list[float]
    if found.tag == "box":
        size = list(_numbers(found.get("size", ""), 3))
    else:
        size = [_number(found.get("radius", ""))] + (
            [_number(found.get("length", ""))] if found.tag == "cylinder" else []
        )
    return {"kind": found.tag, "size": size, **_origin(visual), "rgba": list(_colour(visual.find("material"), colours))}


def _joint(joint: ElementTree.Element) -> dict[str, Any]:
    parent, child, axis, mimic = (joint.find(name) for name in ("parent", "child", "axis", "mimic"))
    if parent is None or child is None:
        raise ModelError(f"the robot description's joint '{joint.get('name', '')}' lacks its parent or its child")
    return {
        "name": joint.get("name", ""), "type": joint.get("type", "fixed"), "parent": parent.get("link", ""), "child": child.get("link", ""),
        "axis": list(_numbers(axis.get("xyz", "1 0 0"), 3)) if axis is not None else [1.0, 0.0, 0.0], **_origin(joint),
        "mimic": None if mimic is None else {
            "joint": mimic.get("joint", ""), "multiplier": _number(mimic.get("multiplier", "1")),
            "offset": _number(mimic.get("offset", "0")),
        },
    }  # fmt: skip


def _origin(element: ElementTree.Element) -> dict[str, list[float]]:
    origin = element.find("origin")
    given = origin.attrib if origin is not None else {}
    return {"xyz": list(_numbers(given.get("xyz", "0 0 0"), 3)), "rpy": list(_numbers(given.get("rpy", "0 0 0"), 3))}


def _colour(material: ElementTree.Element | None, colours: dict[str, tuple[float, ...]]) -> tuple[float, ...]:
    if material is None:
        return _GREY
    colour = material.find("color")
    if colour is not None:
        return tuple(_numbers(colour.get("rgba", ""), 4))
    return colours.get(material.get("name", ""), _GREY)


def _numbers(text: str, count: int) -> Sequence[float]:
    words = text.split()
    if len(words) != count:
        raise ModelError(f"the robot description has '{text[:60]}'; valid: {count} numbers")
    return [_number(word) for word in words]


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ModelError(f"the robot description has '{text[:60]}'; valid: a finite number")
    return value

"""Inertias of URDF links that no body can have, which MuJoCo refuses although many published files have them."""

from __future__ import annotations

import logging
from xml.etree import ElementTree

import numpy as np

LEAST_MASS = 1e-6  # [kg], of a link that has nothing with a mass
LEAST_INERTIA = 1e-9  # [kg m^2]

_MOMENTS = ("ixx", "iyy", "izz")
_log = logging.getLogger(__name__)


def mend_inertias(root: ElementTree.Element, what: str) -> None:
    """Give each link a mass and an inertia that a body can have, in place; a warning names the links that were changed.

    A link without mass has that of its collision shapes; one that moves and has none gets next to nothing. Moments that no
    distribution of mass has become three equal ones with the same sum, as MuJoCo's `balanceinertia` does it.

    Args:
        root: The <robot>.
        what: The model, for the warning.
    """
    massless, impossible = [], []
    moved = [joint.find("child") for joint in root.findall("joint") if joint.get("type") != "fixed"]
    moving = {child.get("link", "") for child in moved if child is not None}
    for link in root.findall("link"):
        inertial = link.find("inertial")
        if inertial is not None and _mass(inertial) == 0.0:
            link.remove(inertial)
            massless.append(link.get("name", ""))
            inertial = None
        if inertial is None:
            if link.get("name", "") in moving and link.find("collision") is None:
                link.append(_speck())
            continue
        inertia = inertial.find("inertia")
        if inertia is not None and not _is_possible(_matrix(inertia)):
            _balance(inertia)
            impossible.append(link.get("name", ""))
    for names, done in (
        (massless, "have mass 0: that of their collision shapes counts"),
        (impossible, "have impossible inertias: balanced"),
    ):
        if names:
            shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
            _log.warning("links of %s %s: %s", what, done, shown)


def _mass(inertial: ElementTree.Element) -> float:
    mass = inertial.find("mass")
    return _number(mass, "value") if mass is not None else 0.0


def _matrix(inertia: ElementTree.Element) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    xx, yy, zz, xy, xz, yz = (_number(inertia, key) for key in (*_MOMENTS, "ixy", "ixz", "iyz"))
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


def _is_possible(matrix: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> bool:
    """Return whether MuJoCo takes an inertia; what is not a number it refuses in its own words."""
    if not np.isfinite(matrix).all():
        return True
    smallest, middle, largest = np.linalg.eigvalsh(matrix)
    return bool(smallest > 1e-15 and smallest + middle >= largest * (1.0 - 1e-12))


def _balance(inertia: ElementTree.Element) -> None:
    mean = max(float(np.abs(np.linalg.eigvalsh(_matrix(inertia))).mean()), LEAST_INERTIA)
    for key in (*_MOMENTS, "ixy", "ixz", "iyz"):
        inertia.set(key, repr(mean) if key in _MOMENTS else "0")


def _speck() -> ElementTree.Element:
    inertial = ElementTree.Element("inertial")
    ElementTree.SubElement(inertial, "mass", {"value": repr(LEAST_MASS)})
    moments = {key: repr(LEAST_INERTIA) for key in _MOMENTS} | dict.fromkeys(("ixy", "ixz", "iyz"), "0")
    ElementTree.SubElement(inertial, "inertia", moments)
    return inertial


def _number(element: ElementTree.Element, key: str) -> float:
    try:
        return float(element.get(key, "0"))
    except ValueError:
        return float("nan")

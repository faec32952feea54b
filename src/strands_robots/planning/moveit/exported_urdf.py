"""A URDF of a robot that has only an MJCF: links, joints, mimics, inertias and simple shapes. Needs MuJoCo; no ROS."""

from __future__ import annotations

from xml.etree import ElementTree

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ModelError
from strands_robots.description.urdf_text import numbers_text, write_origin
from strands_robots.motion.arm import Arm

_JOINTS = {mujoco.mjtJoint.mjJNT_HINGE: "revolute", mujoco.mjtJoint.mjJNT_SLIDE: "prismatic"}


def exported_urdf(arm: Arm) -> str:
    """Return the URDF of a robot's compiled model.

    Args:
        arm: The robot, without the ground.

    Raises:
        ModelError: If a link has several joints, a joint beside its origin, or a shape that URDF does not have; the message names it.
    """
    model, config = arm.model, arm.config
    root = ElementTree.Element("robot", name=config.name)
    for body in range(1, model.nbody):
        link = ElementTree.SubElement(root, "link", name=model.body(body).name)
        _inertia(link, model, body)
        for geom in np.flatnonzero(model.geom_bodyid == body).tolist():
            for kind in ("visual", "collision"):
                _shape(ElementTree.SubElement(link, kind), model, geom)
        if model.body_parentid[body] > 0:
            _joint(root, arm, body)
    known = {link.get("name") for link in root.iter("link")}
    for site in range(model.nsite):
        name, body = model.site(site).name, model.body(model.site_bodyid[site]).name
        if name and name == config.tool_frame and name not in known:
            ElementTree.SubElement(root, "link", name=name)
            joint = ElementTree.SubElement(root, "joint", name=f"{name}_joint", type="fixed")
            _ends(joint, body, name, model.site_pos[site], model.site_quat[site])
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _joint(root: ElementTree.Element, arm: Arm, body: int) -> None:
    model, name = arm.model, arm.model.body(body).name
    joints = np.flatnonzero(model.jnt_bodyid == body).tolist()
    parent = model.body(model.body_parentid[body]).name
    if not joints:
        joint = ElementTree.SubElement(root, "joint", name=f"{name}_joint", type="fixed")
        _ends(joint, parent, name, model.body_pos[body], model.body_quat[body])
        return
    index = joints[0]
    kind = _JOINTS.get(mujoco.mjtJoint(model.jnt_type[index]))
    if len(joints) > 1 or kind is None or np.abs(model.jnt_pos[index]).max() > 1e-9:
        raise ModelError(
            f"link '{name}' of robot '{arm.name}' has no URDF: {len(joints)} joints, or one that is not a hinge or slide at its origin; "
            "valid: a URDF file in the robot's configuration"
        )
    joint_name = model.joint(index).name
    joint = ElementTree.SubElement(root, "joint", name=joint_name, type=kind)
    _ends(joint, parent, name, model.body_pos[body], model.body_quat[body])
    ElementTree.SubElement(joint, "axis", xyz=numbers_text(model.jnt_axis[index]))
    leader, factor, offset = _leader(model, index)
    limits = arm.limits
    row = limits.index.get(joint_name if leader is None else leader)
    low, high = model.jnt_range[index].tolist()
    velocity, effort = (limits.velocity[row], limits.effort[row]) if row is not None else (1.0, 1.0)
    if leader is None and row is not None:
        low, high = limits.lower[row], limits.upper[row]
    ElementTree.SubElement(
        joint, "limit", lower=f"{low:.9g}", upper=f"{high:.9g}", velocity=f"{velocity:.9g}", effort=f"{effort:.9g}"
    )
    if leader is not None:
        ElementTree.SubElement(joint, "mimic", joint=leader, multiplier=f"{factor:.9g}", offset=f"{offset:.9g}")


def _leader(model: mujoco.MjModel, joint: int) -> tuple[str | None, float, float]:
    """Return the joint that another one follows by an equality, with factor and offset [rad] or [m]."""
    for row in range(model.neq):
        if (
            model.eq_type[row] == mujoco.mjtEq.mjEQ_JOINT
            and model.eq_obj1id[row] == joint
            and model.eq_obj2id[row] >= 0
        ):
            data = model.eq_data[row]
            if np.abs(data[2:5]).max() > 1e-9:
                raise ModelError(
                    f"joint '{model.joint(joint).name}' follows another one by a polynomial; valid in URDF: factor and offset"
                )
            return model.joint(model.eq_obj2id[row]).name, float(data[1]), float(data[0])
    return None, 1.0, 0.0


def _inertia(link: ElementTree.Element, model: mujoco.MjModel, body: int) -> None:
    if model.body_mass[body] <= 0.0:
        return
    inertial = ElementTree.SubElement(link, "inertial")
    _origin(inertial, model.body_ipos[body], model.body_iquat[body])
    ElementTree.SubElement(inertial, "mass", value=f"{model.body_mass[body]:.9g}")
    x, y, z = (f"{value:.9g}" for value in model.body_inertia[body])
    ElementTree.SubElement(inertial, "inertia", ixx=x, iyy=y, izz=z, ixy="0", ixz="0", iyz="0")


def _shape(element: ElementTree.Element, model: mujoco.MjModel, geom: int) -> None:
    _origin(element, model.geom_pos[geom], model.geom_quat[geom])
    geometry = ElementTree.SubElement(element, "geometry")
    kind, size = mujoco.mjtGeom(model.geom_type[geom]), model.geom_size[geom]
    if kind == mujoco.mjtGeom.mjGEOM_BOX:
        ElementTree.SubElement(geometry, "box", size=numbers_text(2.0 * size))
    elif kind == mujoco.mjtGeom.mjGEOM_SPHERE:
        ElementTree.SubElement(geometry, "sphere", radius=f"{size[0]:.9g}")
    elif kind == mujoco.mjtGeom.mjGEOM_CYLINDER:
        ElementTree.SubElement(geometry, "cylinder", radius=f"{size[0]:.9g}", length=f"{2.0 * size[1]:.9g}")
    else:
        name = model.body(model.geom_bodyid[geom]).name
        raise ModelError(
            f"a shape of link '{name}' is a {kind.name[7:].lower()}; valid without a URDF file: box, sphere, cylinder"
        )


def _ends(joint: ElementTree.Element, parent: str, child: str, position: FloatArray, quaternion: FloatArray) -> None:
    ElementTree.SubElement(joint, "parent", link=parent)
    ElementTree.SubElement(joint, "child", link=child)
    _origin(joint, position, quaternion)


def _origin(element: ElementTree.Element, position: FloatArray, quaternion: FloatArray) -> None:
    """Write a pose.

    Args:
        position: [m].
        quaternion: wxyz, as MuJoCo has it.
    """
    matrix = np.empty(9)
    mujoco.mju_quat2Mat(matrix, quaternion)
    write_origin(element, position, matrix.reshape(3, 3))

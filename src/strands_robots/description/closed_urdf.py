"""URDF files as MuJoCo can read them, with their visual shapes, fixed links and meshes, and with every mesh held."""

from __future__ import annotations

import logging
from pathlib import Path
from xml.etree import ElementTree

from strands_robots.core.errors import ModelError
from strands_robots.description.file_rule import shown
from strands_robots.description.model_bounds import check_amounts
from strands_robots.description.model_reader import ModelReader
from strands_robots.description.urdf_files import mesh_path
from strands_robots.description.urdf_inertia import mend_inertias
from strands_robots.description.urdf_limits import check_limits

READABLE_MESHES = (".stl", ".obj", ".msh")
_KEPT = ("link", "joint", "material", "mujoco")
_KEPT_SETTINGS = ("compiler", "option", "size", "visual", "statistic")

_log = logging.getLogger(__name__)


def close_urdf(root: ElementTree.Element, base: Path | None, reader: ModelReader) -> int:
    """Make a URDF what MuJoCo can read and hold the meshes that it names; in place.

    Args:
        root: The <robot>.
        base: Folder of its file; None for text, which can name absolute paths only.
        reader: Reads the files.

    Returns:
        Number of elements, where the rule bounds it.

    Raises:
        ModelError: If a mesh is not allowed, cannot be read, or is in a format that cannot be used.
    """
    _refuse_xacro(root, reader.what)
    for element in list(root):
        if element.tag not in _KEPT:
            root.remove(element)  # gazebo, transmission and ros2_control name files that nothing here reads
    check_limits(root)
    compiler = _compiler(root, reader)
    meshdir = compiler.attrib.pop("meshdir", compiler.attrib.pop("assetdir", None))
    for key in ("assetdir", "texturedir"):
        compiler.attrib.pop(key, None)
    if compiler.get("balanceinertia") != "true":
        mend_inertias(root, reader.what)
    does_strip = compiler.get("strippath", "true") == "true"
    compiler.set("strippath", "false")
    for texture in root.iter("texture"):
        texture.attrib.pop("filename", None)  # MuJoCo's reader leaves it out as well
    _drop_unreadable_visuals(root, reader)
    for mesh in root.iter("mesh"):
        name = mesh.get("filename", "")
        inside = name
        if meshdir is not None:
            inside = str(Path(meshdir) / (Path(name).name if does_strip else name))
        path = mesh_path(inside, base, reader.rule)
        if path.suffix.lower() not in READABLE_MESHES:
            raise ModelError(
                f"a collision shape is the mesh '{shown(name)}'; valid: {', '.join(READABLE_MESHES)}: convert the file (Blender, "
                "MeshLab or trimesh do) and name the new one, or give the link a box, cylinder or sphere"
            )
        mesh.set("filename", reader.hold(path, name))
    return check_amounts(root, 1, reader.what) if reader.rule.is_restricted else 0


def _refuse_xacro(root: ElementTree.Element, what: str) -> None:
    """Refuse a file that makes a URDF; a made one still has the namespace, but nothing in it."""
    for element in root.iter():
        if element.tag.startswith("{") and "/xacro}" in element.tag:
            raise ModelError(
                f"{what} is a xacro, which makes a URDF; valid: the URDF that it makes: xacro robot.urdf.xacro > robot.urdf (of a ROS "
                "installation, or pip install xacro)"
            )


def _compiler(root: ElementTree.Element, reader: ModelReader) -> ElementTree.Element:
    """Return the one compiler section of a URDF; the file's own wishes come before ours."""
    extensions = root.findall("mujoco") or [ElementTree.SubElement(root, "mujoco")]
    for extension in extensions:
        for element in list(extension):
            if element.tag not in _KEPT_SETTINGS:
                raise ModelError(
                    f"{reader.what} has <{shown(element.tag)}> inside of <mujoco>; valid in a URDF: {', '.join(_KEPT_SETTINGS)}"
                )
    merged = ElementTree.Element("compiler", {"fusestatic": "false", "discardvisual": "false"})
    for extension in extensions:
        for compiler in extension.findall("compiler"):
            merged.attrib.update(compiler.attrib)
            extension.remove(compiler)
    extensions[0].insert(0, merged)
    return merged


def _drop_unreadable_visuals(root: ElementTree.Element, reader: ModelReader) -> None:
    dropped = 0
    for link in root.iter("link"):
        for visual in link.findall("visual"):
            mesh = visual.find("geometry/mesh")
            if mesh is not None and Path(mesh.get("filename", "")).suffix.lower() not in READABLE_MESHES:
                link.remove(visual)
                dropped += 1
    if dropped:
        _log.warning(
            "%d visual meshes of %s are left out, collision shapes are drawn instead; MuJoCo reads %s",
            dropped, reader.what, ", ".join(READABLE_MESHES),
        )  # fmt: skip

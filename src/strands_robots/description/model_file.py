"""Opening robot and scene files as MjSpec.

A URDF is read with its visual shapes, its fixed links and its mesh paths kept, which MuJoCo by itself drops; `package://` paths are
looked up on AMENT_PREFIX_PATH and in the folders above the file. Visual meshes in formats that MuJoCo cannot read (Collada, mostly)
are left out with a warning, and the link's collision shapes are drawn instead; a collision mesh that cannot be read is an error.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from xml.etree import ElementTree

import mujoco

from strands_robots.core.errors import ModelError
from strands_robots.description.engine_log import log_warnings

COLLISION_GROUP = 3  # not drawn
VISUAL_GROUP = 2
READABLE_MESHES = (".stl", ".obj", ".msh")

_log = logging.getLogger(__name__)


def open_model(path: Path, role: str) -> mujoco.MjSpec:
    """Return the spec of an MJCF or URDF file, parsed but not compiled.

    Args:
        path: The file.
        role: What it is for, for the message, for example "robot 'so101'".

    Raises:
        ModelError: If the file is missing or MuJoCo cannot parse it; the message has MuJoCo's own words.
    """
    log_warnings()
    if not path.is_file():
        raise ModelError(f"model file '{path}' of {role} does not exist")
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, UnicodeDecodeError) as error:
        raise ModelError(f"model file '{path}' of {role} is not XML: {error}") from error
    if root.tag not in ("robot", "mujoco"):
        raise ModelError(
            f"model file '{path}' of {role} begins with <{root.tag}>; valid: <mujoco> (MJCF) or <robot> (URDF)"
        )
    try:
        return _open_urdf(path, root) if root.tag == "robot" else mujoco.MjSpec.from_file(str(path))
    except ValueError as error:
        raise ModelError(_words(path, role, error)) from error


def parse_model(xml: str, role: str) -> mujoco.MjSpec:
    """Return the spec of MJCF or URDF text, parsed but not compiled; files that it names have absolute paths.

    Raises:
        ModelError: If MuJoCo cannot parse it; the message has MuJoCo's own words.
    """
    log_warnings()
    try:
        if "<robot" in xml:
            return _open_urdf(Path("/text"), ElementTree.fromstring(xml))
        return mujoco.MjSpec.from_string(xml)
    except ElementTree.ParseError as error:
        raise ModelError(f"{role} is not XML: {error}") from error
    except ValueError as error:
        raise ModelError(f"{role} cannot be used; MuJoCo says: {' '.join(str(error).split())}") from error


def compile_model(spec: mujoco.MjSpec, path: Path, role: str) -> mujoco.MjModel:
    """Compile a spec.

    Raises:
        ModelError: If MuJoCo's compiler refuses it; the message names `path` and has the compiler's words.
    """
    try:
        return spec.compile()
    except ValueError as error:
        raise ModelError(_words(path, role, error)) from error


def urdf_velocity_limits(path: Path) -> dict[str, float]:
    """Return joint name -> velocity limit [rad/s] or [m/s] of a URDF; MuJoCo does not read them. Empty for an MJCF file."""
    root = ElementTree.parse(path).getroot()
    if root.tag != "robot":
        return {}
    limits = {}
    for joint in root.findall("joint"):
        limit = joint.find("limit")
        velocity = float(limit.get("velocity", "0")) if limit is not None else 0.0
        if velocity > 0.0:
            limits[joint.get("name", "")] = velocity
    return limits


def _words(path: Path, role: str, error: ValueError) -> str:
    words = " ".join(str(error).split())
    return f"model file '{path}' of {role} cannot be used; MuJoCo says: {words}"


def _open_urdf(path: Path, root: ElementTree.Element) -> mujoco.MjSpec:
    extension = root.find("mujoco")
    if extension is None:
        extension = ElementTree.SubElement(root, "mujoco")
    compiler = extension.find("compiler")
    if compiler is None:
        compiler = ElementTree.SubElement(extension, "compiler")
    # The file's own wishes come first.
    for option in ("fusestatic", "discardvisual"):
        compiler.attrib.setdefault(option, "false")
    meshdir = compiler.attrib.pop("meshdir", None)
    does_strip = compiler.get("strippath", "true") == "true"
    compiler.set("strippath", "false")
    for mesh in root.iter("mesh"):
        name = mesh.get("filename", "")
        if meshdir is not None:
            name = str(Path(meshdir) / (Path(name).name if does_strip else name))
        mesh.set("filename", str(_mesh_path(name, path)))
    _drop_unreadable_visuals(root, path)
    spec = mujoco.MjSpec.from_string(ElementTree.tostring(root, encoding="unicode"))
    _separate_groups(spec)
    return spec


def _mesh_path(name: str, urdf: Path) -> Path:
    if name.startswith("file://"):
        return Path(name.removeprefix("file://"))
    if not name.startswith(("package://", "model://")):
        return (urdf.parent / name).absolute()
    package, _, inside = name.split("://", 1)[1].partition("/")
    prefixes = [
        Path(prefix) / "share" for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix
    ]
    for share in (*prefixes, *urdf.absolute().parents):
        if (share / package / inside).is_file():
            return share / package / inside
    for folder in urdf.absolute().parents:
        if (folder / inside).is_file():
            return folder / inside
    return urdf.parent.absolute() / package / inside


def _drop_unreadable_visuals(root: ElementTree.Element, path: Path) -> None:
    dropped = 0
    for link in root.iter("link"):
        for visual in link.findall("visual"):
            mesh = visual.find("geometry/mesh")
            if mesh is not None and Path(mesh.get("filename", "")).suffix.lower() not in READABLE_MESHES:
                link.remove(visual)
                dropped += 1
    if dropped:
        _log.warning(
            "%d visual meshes of '%s' are left out, collision shapes are drawn instead; MuJoCo reads %s",
            dropped,
            path,
            ", ".join(READABLE_MESHES),
        )


def _separate_groups(spec: mujoco.MjSpec) -> None:
    """Draw the visual shapes of a URDF's links, and the collision shapes of links that have no others."""
    for body in spec.bodies:
        is_visual = [not geom.contype and not geom.conaffinity for geom in body.geoms]
        if any(is_visual):
            for geom, shows in zip(body.geoms, is_visual):
                geom.group = VISUAL_GROUP if shows else COLLISION_GROUP

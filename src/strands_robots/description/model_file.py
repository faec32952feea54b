"""Opening robot and scene files as MjSpec.

MuJoCo gets text that names no file: every file that a model names is read here by a rule and held as bytes (`closed_model.py`).
A URDF is read with its visual shapes, its fixed links and its mesh paths kept, which MuJoCo by itself drops (`closed_urdf.py`).
Visual meshes in formats that MuJoCo cannot read (Collada, mostly) are left out with a warning, and the link's collision shapes are
drawn instead; a collision mesh that cannot be read is an error.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import mujoco

from strands_robots.core.errors import ModelError, ModelFormatError
from strands_robots.description.closed_model import ClosedModel, close_mjcf
from strands_robots.description.closed_urdf import READABLE_MESHES, close_urdf
from strands_robots.description.engine_log import log_warnings
from strands_robots.description.file_rule import ANY_FILE, FileRule
from strands_robots.description.model_bounds import MAX_BYTES
from strands_robots.description.model_reader import ModelReader

__all__ = ["READABLE_MESHES", "close_model", "close_text", "compile_model", "open_model", "parse_model"]

COLLISION_GROUP = 3  # not drawn
VISUAL_GROUP = 2


def open_model(path: Path, role: str, rule: FileRule = ANY_FILE) -> mujoco.MjSpec:
    """Return the spec of an MJCF or URDF file, parsed but not compiled.

    Args:
        path: The file.
        role: What it is for, for the message, for example "robot 'so101'".
        rule: Which files it may consist of.

    Raises:
        ModelError: If a file is missing or not allowed, or MuJoCo cannot parse it; the message has MuJoCo's own words.
    """
    closed = close_model(path, role, rule)
    try:
        return _spec(closed)
    except ValueError as error:
        raise ModelError(_words(path, role, error)) from error


def parse_model(xml: str, role: str, rule: FileRule = ANY_FILE) -> mujoco.MjSpec:
    """Return the spec of MJCF or URDF text, parsed but not compiled; files that it names have absolute paths.

    Raises:
        ModelError: If a file is not allowed, or MuJoCo cannot parse it; the message has MuJoCo's own words.
    """
    try:
        closed = close_text(xml, role, rule)
        return _spec(closed)
    except ModelError as error:
        # MuJoCo's words say more of text that is no XML; text of others never gets there.
        if isinstance(error.__cause__, ElementTree.ParseError) and not rule.is_restricted and "<robot" not in xml:
            raise ModelError(f"{error}; MuJoCo says: {_syntax(xml)}") from error
        raise
    except ValueError as error:
        raise ModelError(f"{role} cannot be used; MuJoCo says: {_said(error)}") from error


def close_model(path: Path, role: str, rule: FileRule = ANY_FILE, *, holds: bool = True) -> ClosedModel:
    """Return a model file with all that it names.

    Args:
        path: The file.
        role: What it is for, for the message.
        rule: Which files it may consist of.
        holds: False to check only which meshes and pictures it names, without reading them.

    Raises:
        ModelError: If a file is missing, not allowed, or neither MJCF nor URDF.
    """
    if not path.is_file():
        raise ModelError(f"model file '{path}' of {role} does not exist")
    what = f"model file '{path}' of {role}"
    reader = ModelReader(rule, what, holds=holds)
    real, data = reader.read(path, path.name, MAX_BYTES if rule.is_restricted else 16 * MAX_BYTES)
    try:
        return _close(data, real.parent, reader)
    except ModelError as error:
        raise error if str(error).startswith(what) else type(error)(f"{what} cannot be used: {error}") from error


def read_root(path: Path, role: str, rule: FileRule = ANY_FILE) -> ElementTree.Element:
    """Return the root of a model file as it is, nothing put in.

    Raises:
        ModelError: If it is not allowed or no XML.
    """
    reader = ModelReader(rule, f"model file '{path}' of {role}")
    return reader.parse(reader.read(path, path.name)[1])


def close_text(xml: str, role: str, rule: FileRule = ANY_FILE, *, holds: bool = True) -> ClosedModel:
    """Return MJCF or URDF text with all that it names; see `close_model`.

    Raises:
        ModelError: If a file is missing, not allowed, or named by a relative path, or the text is neither MJCF nor URDF.
    """
    return _close(xml.encode(), None, ModelReader(rule, role, holds=holds))


def compile_model(spec: mujoco.MjSpec, path: Path, role: str) -> mujoco.MjModel:
    """Compile a spec.

    Raises:
        ModelError: If MuJoCo's compiler refuses it; the message names `path` and has the compiler's words.
    """
    require_held(spec)
    try:
        model = spec.compile()
    except ValueError as error:
        raise ModelError(_words(path, role, error)) from error
    _require_limits(model, path, role)
    return model


def compile_changed(spec: mujoco.MjSpec) -> mujoco.MjModel:
    """Compile the changed spec of a world.

    Raises:
        ModelError: If MuJoCo's compiler refuses it, in its own words.
    """
    require_held(spec)
    try:
        return spec.compile()
    except ValueError as error:
        raise ModelError(f"the world cannot be changed; MuJoCo says: {' '.join(str(error).split())}") from error


def _require_limits(model: mujoco.MjModel, path: Path, role: str) -> None:
    """Refuse limits that cannot be meant, which MuJoCo drops without a word where `limited` is left to it."""
    for kind, flags, ranges in (
        ("joint", model.jnt_limited, model.jnt_range),
        ("tendon", model.tendon_limited, model.tendon_range),
        ("actuator", model.actuator_ctrllimited, model.actuator_ctrlrange),
        ("actuator", model.actuator_forcelimited, model.actuator_forcerange),
    ):
        for number, (is_limited, (lower, upper)) in enumerate(zip(flags, ranges)):
            if not is_limited and (lower > upper or lower == upper != 0.0):
                name = getattr(model, kind)(number).name or f"number {number}"
                raise ModelError(
                    f"{kind} '{name}' of '{path}' ({role}) has a range from {lower:g} to {upper:g}; valid: lowest below highest"
                )


def require_held(spec: mujoco.MjSpec) -> None:
    """Refuse a spec that names a file whose content it does not hold: the compiler would open it.

    Raises:
        ModelError: If it names one.
    """
    held = spec.assets
    named = [each.file for each in (*spec.meshes, *spec.hfields, *spec.skins, *spec.textures)]
    named += [file for texture in spec.textures for file in texture.cubefiles]
    for file in named:
        if file and file not in held:
            raise ModelError(
                f"the model names the file '{file}' without its content; valid: files that were read by the rule for them"
            )


def _close(data: bytes, base: Path | None, reader: ModelReader) -> ClosedModel:
    root = reader.parse(data)
    kind = root.tag.lower()
    if kind == "robot":
        close_urdf(root, base, reader)
    elif kind == "mujoco":
        close_mjcf(root, base, reader)
    else:
        raise ModelFormatError(f"{reader.what} begins with <{root.tag}>; valid: <mujoco> (MJCF) or <robot> (URDF)")
    return ClosedModel(root, reader.models, reader.assets)


def _spec(closed: ClosedModel) -> mujoco.MjSpec:
    log_warnings()
    spec = closed.spec()
    if closed.root.tag.lower() == "robot":
        _separate_groups(spec)
        _let_meshes_be_thin(spec)
    return spec


def _syntax(xml: str) -> str:
    try:
        mujoco.MjSpec.from_string(xml)
    except ValueError as error:
        return " ".join(str(error).split())
    return "nothing, but other readers of XML refuse it"


def _words(path: Path, role: str, error: ValueError) -> str:
    return f"model file '{path}' of {role} cannot be used; MuJoCo says: {_said(error)}"


def _said(error: ValueError) -> str:
    # The text that MuJoCo parsed is not the file's, so its line numbers mislead.
    words = " ".join(re.sub(r",? line -?\d+", "", str(error)).split())
    if "inertia" in words and ("A + B >= C" in words or "balanceinertia" in words):
        setting = '<compiler balanceinertia="true"/>'
        words += f"; remedy: right inertias, or <mujoco>{setting}</mujoco> in a URDF, {setting} in an MJCF"
    return words


def _let_meshes_be_thin(spec: mujoco.MjSpec) -> None:
    """Take meshes for shells where nothing depends on their inertia; MuJoCo refuses solids without volume, as a sheet is."""
    counts = {geom.meshname for body in spec.bodies if not body.explicitinertial for geom in body.geoms}
    for mesh in spec.meshes:
        if mesh.name not in counts:
            mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL


def _separate_groups(spec: mujoco.MjSpec) -> None:
    """Draw the visual shapes of a URDF's links, and the collision shapes of links that have no others."""
    for body in spec.bodies:
        is_visual = [not geom.contype and not geom.conaffinity for geom in body.geoms]
        if any(is_visual):
            for geom, shows in zip(body.geoms, is_visual):
                geom.group = VISUAL_GROUP if shows else COLLISION_GROUP

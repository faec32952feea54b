"""The files that a URDF names: where they are, and how they are called for programs elsewhere. Imports nothing heavy."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree

from strands_robots.core.errors import ModelError
from strands_robots.description.file_rule import ANY_FILE, FileRule, shown

MAX_BYTES = 256 * 1024 * 1024
DEEPEST = 8
"""A mesh of a package is looked for in this many folders above its URDF."""


def published_urdf(path: Path, rule: FileRule = ANY_FILE) -> str:
    """Return the text of a URDF for robot_description: what it names beside itself by file:// URIs, which readers elsewhere can open.

    Args:
        path: The URDF.
        rule: Which files it may name; names of others stay as they are.

    Raises:
        ModelError: If it cannot be read, or is not XML.
    """
    real, data = rule.read(path, path.name, MAX_BYTES)
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise ModelError(f"'{path}' is not XML: {error}") from error
    changed = False
    meshdir, does_strip = None, True
    for compiler in root.iterfind("mujoco/compiler"):
        meshdir = compiler.get("meshdir", compiler.get("assetdir", meshdir))
        does_strip = compiler.get("strippath", "true") == "true"
    for element in root.iter():
        name = element.get("filename", "")
        if element.tag not in ("mesh", "texture") or not name or _is_known_to_others(name):
            continue
        inside = (
            name
            if meshdir is None or element.tag == "texture"
            else str(Path(meshdir) / (Path(name).name if does_strip else name))
        )
        try:
            found = mesh_path(inside, real.parent, rule)
        except ModelError:
            continue
        element.set("filename", Path(os.path.normpath(found)).as_uri())
        changed = True
    return ElementTree.tostring(root, encoding="unicode") if changed else data.decode("utf-8")


def _is_known_to_others(name: str) -> bool:
    """Return whether a name can be opened by a program that does not know where the URDF lies."""
    if name.startswith("package://"):
        package, _, inside = name.removeprefix("package://").partition("/")
        return any((share / package / inside).is_file() for share in _shares())
    return "://" in name and not name.startswith("model://")


def mesh_path(name: str, base: Path | None, rule: FileRule) -> Path:
    """Return the file that a mesh's name of a URDF stands for.

    `package://` and `model://` are looked for on AMENT_PREFIX_PATH and in the folders above the URDF, among what may be read only.

    Args:
        name: As the URDF has it.
        base: Folder of the URDF; None for text.
        rule: Which files may be read.

    Raises:
        ModelError: If it cannot stand for a file.
    """
    name = name.replace("\\", "/")
    if name.startswith("file://"):
        name = name.removeprefix("file://").removeprefix("localhost")
    scheme, separator, rest = name.partition("://")
    if separator and scheme not in ("package", "model"):
        raise ModelError(f"the model names the file '{shown(name)}'; valid: a path, package://, model:// or file://")
    if not separator:
        if base is None and not name.startswith("/"):
            raise ModelError(f"the model names the file '{shown(name)}'; valid: an absolute path below {rule.valid()}")
        return Path(name) if base is None else base.absolute() / name
    # package:///<package>/<path> is wrong, but published.
    package, _, inside = rest.lstrip("/").partition("/")
    if (rule.is_restricted and ".." in Path(rest).parts) or inside.startswith("/") or not package or "\0" in rest:
        raise ModelError(f"the model names the file '{shown(name)}'; valid: package://<package>/<path without '..'>")
    return _package_file(package, inside, base, rule)


def _package_file(package: str, inside: str, base: Path | None, rule: FileRule) -> Path:
    # The root of the disk is no package.
    above = [] if base is None else [base.absolute(), *list(base.absolute().parents)[:-1]][:DEEPEST]
    candidates = [folder / package / inside for folder in (*_shares(), *above)] + [folder / inside for folder in above]
    for candidate in candidates:
        if rule.allows(candidate) and os.path.isfile(candidate):
            return candidate
    raise ModelError(
        f"the model names the file 'package://{shown(package)}/{shown(inside)}', which was not found on AMENT_PREFIX_PATH or in the "
        f"{DEEPEST} folders above the URDF; valid: files below {rule.valid()}"
    )


def _shares() -> list[Path]:
    return [Path(prefix) / "share" for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]

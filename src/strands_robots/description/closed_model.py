"""Models that need no file any more: everything that an MJCF or URDF names is read by our own rule and given to MuJoCo as bytes.

MuJoCo's compiler resolves a file's name by the compiler settings of the whole model, by the folder of the main file (not of the file
that includes it), with either slash; every setting may come from an included file. Checking such names and then letting the
compiler open them checks one path and opens another. Here includes are put in, every other name is resolved and read once, and the
text that MuJoCo gets names contents by their hash. Nothing is left for it to open.

Source: MuJoCo documentation, "XML reference": compiler, include, asset/model; measured against MuJoCo 3.17.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import mujoco

from strands_robots.core.errors import ModelError
from strands_robots.description.closed_urdf import close_urdf
from strands_robots.description.file_rule import shown
from strands_robots.description.model_bounds import MAX_BYTES, check_amounts
from strands_robots.description.model_reader import (
    HELD,
    MAX_ATTACHED,
    ORIGIN,
    ModelReader,
    held_name,
)

FILE_ATTRIBUTES = ("file", "filename", "fileright", "fileleft", "fileup", "filedown", "filefront", "fileback")
_FOLDERS = ("meshdir", "texturedir", "assetdir", "strippath")
_IN_MESH_FOLDER = ("mesh", "hfield", "skin", "flexcomp")
_NAMED_AFTER_FILE = ("mesh", "hfield", "texture")


@dataclass
class ClosedModel:
    """A model with all that it names.

    Attributes:
        root: The XML, which names nothing but what is in `models` and `assets`.
        models: Attached models by name.
        assets: Contents of meshes, textures and so on by name, and where each came from.
    """

    root: ElementTree.Element
    models: dict[str, bytes] = field(default_factory=dict)
    assets: dict[str, bytes] = field(default_factory=dict)

    def spec(self) -> mujoco.MjSpec:
        """Return the spec, parsed but not compiled.

        Raises:
            ValueError: MuJoCo's, if it cannot parse it.
        """
        text = ElementTree.tostring(self.root, encoding="unicode")
        # MuJoCo warns where a model that holds nothing is attached to one that does.
        return mujoco.MjSpec.from_string(text, include=self.models, assets={HELD + "none": b" ", **self.assets})


def origins(spec: mujoco.MjSpec) -> dict[str, str]:
    """Return where each content that a spec holds came from, by the name that it has there."""
    held = spec.assets
    return {name: held[name + ORIGIN].decode() for name in held if name + ORIGIN in held}


def close_mjcf(root: ElementTree.Element, base: Path | None, reader: ModelReader, depth: int = 0) -> int:
    """Put in what an MJCF includes, and hold what it names; in place.

    Args:
        root: The model.
        base: Folder of its main file; None for text, which can name absolute paths only.
        reader: Reads the files.
        depth: How many models this one is attached to.

    Returns:
        Number of elements with all copies, where the rule bounds it.

    Raises:
        ModelError: If a file is not allowed or cannot be read, or the model is too large.
    """
    _include(root, base, reader, set(), 0)
    folders = _take_folders(root)
    attached = 1
    for element in root.iter():
        if element.tag == "config" and reader.rule.is_restricted:
            _check_config(element)
        for key in FILE_ATTRIBUTES:
            name = element.get(key)
            if not name:
                continue
            path = _resolve(element.tag, name, base, folders, reader)
            if element.tag == "model":
                element.attrib.pop("content_type", None)
                inner, weight = _close_attached(path, name, reader, depth)
                attached = max(attached, weight)
                element.set(key, inner)
                continue
            if element.tag in _NAMED_AFTER_FILE and key == "file" and not element.get("name"):
                element.set("name", posixpath.splitext(posixpath.basename(_slashes(name)))[0])
            element.set(key, reader.hold(path, name))
    return check_amounts(root, attached, reader.what) if reader.rule.is_restricted else 0


def _include(element: ElementTree.Element, base: Path | None, reader: ModelReader, seen: set[Path], depth: int) -> None:
    """Replace each <include> below an element by the children of the file's root."""
    for index in range(len(element) - 1, -1, -1):
        child = element[index]
        if child.tag.lower() != "include":
            _include(child, base, reader, seen, depth)
            continue
        name = child.get("file", "")
        if depth > MAX_ATTACHED * 4:
            raise ModelError(f"{reader.what} includes files {depth} deep; valid: at most {MAX_ATTACHED * 4}")
        if not name:
            raise ModelError(f"{reader.what} has an <include> without a file; valid: <include file='...'/>")
        real, data = reader.read(_path(name, base, reader), name, MAX_BYTES)
        if real in seen:
            raise ModelError(f"{reader.what} includes '{shown(name)}' twice; valid: once")
        seen.add(real)
        part = reader.parse(data)
        _include(part, base, reader, seen, depth + 1)
        element[index : index + 1] = list(part)


@dataclass
class _Folders:
    mesh: str = ""
    texture: str = ""
    strips: bool = False


def _take_folders(root: ElementTree.Element) -> _Folders:
    """Return what the compiler settings say of folders, later ones before earlier ones, and take it out of them."""
    folders = _Folders()
    for compiler in root.iter("compiler"):
        found = {key: compiler.attrib.pop(key) for key in _FOLDERS if key in compiler.attrib}
        folders.mesh = found.get("meshdir", found.get("assetdir", folders.mesh))
        folders.texture = found.get("texturedir", found.get("assetdir", folders.texture))
        folders.strips = found.get("strippath", "true" if folders.strips else "false") == "true"
    return folders


def _resolve(tag: str, name: str, base: Path | None, folders: _Folders, reader: ModelReader) -> Path:
    """Return the file that MuJoCo would open for a name."""
    if tag == "model":
        return _path(name, base, reader)
    if tag != "texture" and tag not in _IN_MESH_FOLDER:
        raise ModelError(
            f"{reader.what} has <{shown(tag)}> naming the file '{shown(name)}'; valid: mesh, hfield, skin, flexcomp, texture"
        )
    inside = posixpath.basename(_slashes(name)) if folders.strips else _slashes(name)
    folder = _slashes(folders.texture if tag == "texture" else folders.mesh)
    return _path(posixpath.join(folder, inside), base, reader)


def _path(name: str, base: Path | None, reader: ModelReader) -> Path:
    name = _slashes(name)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", name):
        raise ModelError(f"{reader.what} names the file '{shown(name)}'; valid: a path without a scheme or drive")
    if name.startswith("/"):
        return Path(name)
    if base is None:
        raise ModelError(
            f"{reader.what} names the file '{shown(name)}'; valid: an absolute path below {reader.rule.valid()}"
        )
    return base / name


def _slashes(name: str) -> str:
    return name.replace("\\", "/")


def _close_attached(path: Path, name: str, reader: ModelReader, depth: int) -> tuple[str, int]:
    """Return the name of an attached model with all that it names in turn, and its number of elements."""
    if depth >= MAX_ATTACHED:
        raise ModelError(f"{reader.what} attaches models {depth} deep; valid: at most {MAX_ATTACHED}")
    real, data = reader.read(path, name, MAX_BYTES)
    root = reader.parse(data)
    is_urdf = root.tag.lower() == "robot"
    weight = close_urdf(root, real.parent, reader) if is_urdf else close_mjcf(root, real.parent, reader, depth + 1)
    text = ElementTree.tostring(root, encoding="utf-8")
    key = held_name(Path(real.stem + ".xml"), text)
    reader.models[key] = text
    return key, weight


def _check_config(element: ElementTree.Element) -> None:
    """Refuse settings of plug-ins that could be paths, which no rule could follow."""
    value = element.get("value", "")
    if "/" in value or "\\" in value or ".." in value:
        raise ModelError(
            f"a plug-in is configured with '{shown(value)}', which could be a path; valid: numbers and names"
        )

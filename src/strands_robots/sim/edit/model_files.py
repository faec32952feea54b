"""Decides which files a caller may have loaded: below the configured folders, and nothing that they lead out of them.

Checked before MuJoCo's own parser sees anything: document types and entities (XML bombs), size, depth, repetitions and sizes of
textures, and every file that a model names, models that it includes among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from strands_robots.core.errors import ConfigurationError, ModelError
from strands_robots.core.text import printable

MAX_BYTES = 16 * 1024 * 1024
MAX_ELEMENTS = 200_000
MAX_DEPTH = 200
MAX_FILES = 1000
MAX_COPIES = 10_000
MAX_SIDE = 8192  # of textures and height fields
MAX_MEMORY = 1024**3
SCENES = (".xml", ".mjcf", ".urdf")
COMPILED = ".mjb"
MESHES = (".stl", ".obj", ".msh")

# Attributes by which MJCF and URDF name files.
_FILES = ("file", "filename", "fileright", "fileleft", "fileup", "filedown", "filefront", "fileback")
_FOLDERS = ("meshdir", "texturedir", "assetdir")


class ModelGuard:
    """The folders whose files may be loaded.

    Args:
        folders: The folders; none refuses every file.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._roots = tuple(folder.expanduser().resolve() for folder in folders)

    def scene(self, file: str) -> Path:
        """Return the path of a scene file that may be loaded, with all that it names.

        Raises:
            ConfigurationError: If the file is not there, not below the folders, or not MJCF or URDF.
            ModelError: If it, or a file that it names, is not allowed.
        """
        if file.lower().endswith(COMPILED):
            raise ConfigurationError(
                f"file '{_shown(file)}' is a compiled model, to which no robot can be added; valid: the MJCF that it was made from"
            )
        path = self._resolve(file, SCENES)
        self._check_model(path, set())
        return path

    def mesh(self, file: str) -> Path:
        """Return the path of a mesh file that may be loaded.

        Raises:
            ConfigurationError: If it is not there, not below the folders, or no mesh.
        """
        return self._resolve(file, MESHES)

    def text(self, xml: str) -> str:
        """Return MJCF text that may be loaded: it includes nothing, and files that it names have absolute paths below the folders.

        Raises:
            ModelError: If it is not allowed.
        """
        for element in self._parse(xml.encode(), "the MJCF text").iter():
            if element.tag == "include":
                raise ModelError("the MJCF text includes another file; valid: text that is complete, or a file")
            for name in _named_files(element):
                if not Path(name).is_absolute():
                    raise ModelError(
                        f"the MJCF text names the file '{_shown(name)}'; valid: an absolute path below {self._valid()}"
                    )
                self._inside(Path(name), name)
        return xml

    def _check_model(self, path: Path, seen: set[Path]) -> None:
        if path in seen:
            return
        seen.add(path)
        if len(seen) > MAX_FILES:
            raise ModelError(f"'{path.name}' includes more than {MAX_FILES} files")
        root = self._parse(path.read_bytes(), f"'{path.name}'")
        bases = [path.parent]
        for compiler in root.iter("compiler"):
            bases += [path.parent / compiler.get(key, "") for key in _FOLDERS if compiler.get(key)]
        for element in root.iter():
            for name in _named_files(element):
                if "://" in name:
                    package = name.split("://", 1)[1]
                    if ".." in Path(package).parts or name.startswith("file:"):
                        raise ModelError(
                            f"'{path.name}' names the file '{_shown(name)}'; valid: files below {self._valid()}"
                        )
                    continue
                for base in bases:
                    self._inside(base / name, name)
                if element.tag in ("include", "model"):
                    inner = (path.parent / name).resolve()
                    if not inner.is_file():
                        raise ModelError(f"'{path.name}' includes '{_shown(name)}', which does not exist")
                    self._check_model(inner, seen)

    def _resolve(self, file: str, suffixes: tuple[str, ...]) -> Path:
        shown = _shown(file)
        if not file or "\0" in file or ".." in Path(file).parts or Path(file).suffix.lower() not in suffixes:
            raise ConfigurationError(
                f"file '{shown}' given; valid: a path ending in {', '.join(suffixes)} below {self._valid()}"
            )
        given = Path(file).expanduser() if file.startswith("~/") else Path(file)
        for root in self._roots:
            path = (root / given).resolve()
            if self._is_inside(path) and path.is_file():
                return path
        raise ConfigurationError(f"file '{shown}' was not found below {self._valid()}; valid: a file there")

    def _inside(self, path: Path, name: str) -> None:
        if "\0" in name or not self._is_inside(path.resolve()):
            raise ModelError(
                f"the model names the file '{_shown(name)}', which lies outside; valid: files below {self._valid()}"
            )

    def _is_inside(self, path: Path) -> bool:
        return any(root in path.parents for root in self._roots)

    def _valid(self) -> str:
        return ", ".join(str(root) for root in self._roots) or "no folder (sim_node has no scene_folders)"

    @staticmethod
    def _parse(data: bytes, what: str) -> ElementTree.Element:
        if len(data) > MAX_BYTES:
            raise ModelError(f"{what} has {len(data)} bytes; valid: at most {MAX_BYTES}")
        if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data:
            raise ModelError(f"{what} is not UTF-8 text")
        lowered = data.lower()
        if b"<!doctype" in lowered or b"<!entity" in lowered:
            raise ModelError(f"{what} declares a document type or entities; valid: XML without them")
        parser: Any = ElementTree.XMLPullParser(("start", "end"))
        depth = count = 0
        try:
            for start in range(0, len(data), 65536):
                parser.feed(data[start : start + 65536])
                for event, _ in parser.read_events():
                    depth += 1 if event == "start" else -1
                    count += 1
                    if depth > MAX_DEPTH or count > 2 * MAX_ELEMENTS:
                        raise ModelError(
                            f"{what} is too large; valid: {MAX_ELEMENTS} elements, {MAX_DEPTH} inside of each other"
                        )
            root = ElementTree.fromstring(data)
        except ElementTree.ParseError as error:
            raise ModelError(f"{what} is not XML: {error}") from error
        _check_amounts(root, 1, what)
        return root


def _check_amounts(element: ElementTree.Element, copies: int, what: str) -> None:
    """Refuse models that a few words make huge."""
    counts = element.get("count", "").split() if element.tag in ("replicate", "composite", "flexcomp") else []
    for count in counts:
        copies *= max(1, _number(count))
    if copies > MAX_COPIES:
        raise ModelError(f"{what} makes {copies} copies with <{element.tag}>; valid: at most {MAX_COPIES}")
    for key in ("width", "height", "nrow", "ncol"):
        if _number(element.get(key, "0")) > MAX_SIDE:
            raise ModelError(
                f"{what} has <{element.tag} {key}='{_shown(element.get(key, ''))}'>; valid: at most {MAX_SIDE}"
            )
    if element.tag == "size" and _bytes(element.get("memory", "0")) > MAX_MEMORY:
        raise ModelError(f"{what} asks for memory='{_shown(element.get('memory', ''))}'; valid: at most 1G")
    for child in element:
        _check_amounts(child, copies, what)


def _number(text: str) -> int:
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return 0


def _bytes(text: str) -> int:
    factor = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50, "E": 2**60}.get(text.strip()[-1:].upper(), 1)
    return _number(text.strip() if factor == 1 else text.strip()[:-1]) * factor


def _named_files(element: ElementTree.Element) -> list[str]:
    return [element.get(key, "") for key in _FILES if element.get(key)]


def _shown(name: str) -> str:
    return printable(name)[:200]

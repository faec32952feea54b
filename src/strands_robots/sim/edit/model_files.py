"""Finds the files that a caller may have loaded: below the configured folders, and nothing that they lead out of them.

The rule that it gives goes with the path to where the model is opened, so that every file is checked as it is read
(`file_rule.py`, `closed_model.py`); what is checked here already is refused before the world is touched.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from strands_robots.core.errors import ConfigurationError, ModelError
from strands_robots.description.file_rule import FileRule, shown
from strands_robots.description.model_file import READABLE_MESHES, close_model, close_text
from strands_robots.description.model_suffixes import is_model_file

SCENES = (".xml", ".mjcf", ".urdf")
COMPILED = ".mjb"


class ModelGuard:
    """The folders whose files may be loaded.

    Args:
        folders: The folders; none refuses every file.

    Attributes:
        rule: Allows what lies below the folders; to be given to whatever opens what was found.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._roots = tuple(folder.expanduser().resolve() for folder in folders)
        self.rule = FileRule(self._roots)

    def scene(self, file: str) -> Path:
        """Return the path of a scene file that may be loaded, with all that it names.

        Raises:
            ConfigurationError: If the file is not there, not below the folders, or not MJCF or URDF.
            ModelError: If it, or a file that it names, is not allowed.
        """
        if file.lower().endswith(COMPILED):
            raise ConfigurationError(
                f"file '{shown(file)}' is a compiled model, to which no robot can be added; valid: the MJCF that it was made from"
            )
        is_model_file(file)  # refuses a xacro, and says how to make a URDF of it
        path = self._resolve(file, SCENES)
        close_model(path, "the request", self.rule, holds=False)
        return path

    def mesh(self, file: str) -> Path:
        """Return the path of a mesh file that may be loaded.

        Raises:
            ConfigurationError: If it is not there, not below the folders, or no mesh.
        """
        return self._resolve(file, READABLE_MESHES)

    def rule_with(self, held: Mapping[str, bytes]) -> FileRule:
        """Return the rule that allows contents besides, by path, that the world holds already."""
        return dataclasses.replace(self.rule, held=held)

    def text(self, xml: str, held: Mapping[str, bytes] | None = None) -> str:
        """Return MJCF or URDF text that may be loaded: it may name files by absolute paths below the folders only.

        Args:
            xml: The text.
            held: Contents by path of files that the world holds already; the text may name them wherever they are.

        Raises:
            ModelError: If it is not allowed.
        """
        if "<include" in xml.lower():
            raise ModelError("the MJCF text includes another file; valid: text that is complete, or a file")
        close_text(xml, "the MJCF text", self.rule_with(held or {}), holds=False)
        return xml

    def _resolve(self, file: str, suffixes: tuple[str, ...]) -> Path:
        name = shown(file)
        if not file or "\0" in file or ".." in Path(file).parts or Path(file).suffix.lower() not in suffixes:
            raise ConfigurationError(
                f"file '{name}' given; valid: a path ending in {', '.join(suffixes)} below {self.rule.valid()}"
            )
        given = Path(file).expanduser() if file.startswith("~/") else Path(file)
        for root in self._roots:
            path = (root / given).resolve()
            if self.rule.allows(path) and path.is_file():
                return path
        raise ConfigurationError(f"file '{name}' was not found below {self.rule.valid()}; valid: a file there")

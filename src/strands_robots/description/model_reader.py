"""Reads the files of a model, each one once and only where it may lie."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from xml.etree import ElementTree

from strands_robots.core.errors import ModelError
from strands_robots.description.ascii_stl import binary_stl
from strands_robots.description.file_rule import FileRule
from strands_robots.description.model_bounds import check_asset, parse_bounded

MAX_ATTACHED = 8  # models inside of each other


HELD = "/held/"
"""Folder of the names under which MuJoCo finds contents; it exists on no disk."""
MAX_FILES = 1000
MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_TOTAL_BYTES = 1024**3
ORIGIN = ".origin"
"""What a name has besides when the content is the path that the file came from."""


class ModelReader:
    """Reads the files of one model by a rule, and counts them.

    Args:
        rule: Which files may be read.
        what: The model, for messages.
        holds: False to check only which assets are named, without reading them.
    """

    def __init__(self, rule: FileRule, what: str, *, holds: bool = True) -> None:
        self.rule = rule
        self.what = what
        self._holds = holds
        self.assets: dict[str, bytes] = {}
        self.models: dict[str, bytes] = {}
        self._files = self._bytes = 0

    def parse(self, data: bytes) -> ElementTree.Element:
        """Return the root of a model's text.

        Raises:
            ModelError: If it is not XML, or not bounded where it has to be.
        """
        if self.rule.is_restricted:
            return parse_bounded(data, self.what)
        try:
            return ElementTree.fromstring(data)
        except (ElementTree.ParseError, ValueError, LookupError) as error:
            raise ModelError(f"{self.what} is not XML: {error}") from error

    def read(self, path: Path, name: str, most: int = MAX_FILE_BYTES) -> tuple[Path, bytes]:
        """Return where a file really is, and its contents.

        Raises:
            ModelError: See `FileRule.read`; also if the model has too many files, or too much in them.
        """
        real, data = self.rule.read(path, name, most)
        self._files, self._bytes = self._files + 1, self._bytes + len(data)
        if self._files > MAX_FILES or self._bytes > MAX_TOTAL_BYTES:
            raise ModelError(
                f"{self.what} names {self._files} files with {self._bytes} bytes; valid: {MAX_FILES}, {MAX_TOTAL_BYTES}"
            )
        return real, data

    def hold(self, path: Path, name: str) -> str:
        """Read an asset, and return the name under which MuJoCo finds it.

        Raises:
            ModelError: See `read`.
        """
        if not self._holds:
            self.rule.check(path, name)
            return str(path)
        real, data = self.read(path, name)
        if self.rule.is_restricted:
            check_asset(data, name)
        if real.suffix.lower() == ".stl":
            data = binary_stl(data, name)
        key = held_name(real, data)
        self.assets[key], self.assets[key + ORIGIN] = data, str(real).encode()
        return key


def held_name(path: Path, data: bytes) -> str:
    """Return the name of a content: equal contents of equal names are one, others never clash."""
    stem = re.sub(r"[^A-Za-z0-9_]", "_", path.stem)[:64]
    return f"{HELD}{stem}-{hashlib.sha256(data).hexdigest()[:24]}{path.suffix.lower()}"

"""Which files a model may consist of, and reading them so that the file that was checked is the file that is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from strands_robots.core.errors import MissingFileError, ModelError
from strands_robots.core.text import printable


@dataclass(frozen=True)
class FileRule:
    """Which files a model may consist of.

    Attributes:
        folders: Resolved folders below which they must lie; None allows every regular file, for models that the operator names.
        held: Contents by path of files that the world holds already; they are given from memory and not read again.
    """

    folders: tuple[Path, ...] | None = None
    held: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def is_restricted(self) -> bool:
        """True for models that others than the operator name."""
        return self.folders is not None

    def allows(self, path: Path) -> bool:
        """Return whether the file that a path leads to now may be read; links are followed."""
        return str(path) in self.held or self._is_inside(Path(os.path.realpath(path)))

    def check(self, path: Path, name: str) -> None:
        """Refuse a file that may not be read, without opening it.

        Raises:
            ModelError: If it is not allowed.
        """
        if "\0" in name:
            raise ModelError(f"the model names the file '{shown(name)}'; valid: a path without NUL")
        if str(path) not in self.held:
            self._require_inside(Path(os.path.realpath(path)), name)

    def read(self, path: Path, name: str, most: int) -> tuple[Path, bytes]:
        """Return where a file really is, and its contents.

        The place is checked before the file is opened, and again on the open file, so that a link that is replaced in between
        leads nowhere.

        Args:
            path: The file; links are followed.
            name: What the model calls it, for the message.
            most: Most bytes that it may have.

        Raises:
            ModelError: If it is not allowed, not there, no regular file, or too large.
        """
        self.check(path, name)
        if str(path) in self.held:
            return path, self.held[str(path)]
        try:
            # Without O_NONBLOCK a pipe would hold this thread until it is written to.
            file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except OSError as error:
            why = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
            kind = MissingFileError if isinstance(error, FileNotFoundError) else ModelError
            raise kind(f"the model names the file '{shown(name)}', but '{shown(str(path))}' {why}") from error
        try:
            real = _place_of(file, path)
            self._require_inside(real, name)
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode):
                raise ModelError(f"the model names the file '{shown(name)}', which is no regular file")
            with os.fdopen(file, "rb", closefd=False) as opened:
                data = opened.read(most + 1) if status.st_size <= most else b""
        finally:
            os.close(file)
        if len(data) > most or status.st_size > most:
            raise ModelError(f"the file '{shown(name)}' has more than {most} bytes; valid: at most {most}")
        return real, data

    def valid(self) -> str:
        """Return the folders in words."""
        if self.folders is None:
            return "any folder"
        return ", ".join(str(folder) for folder in self.folders) or "no folder (sim_node has no scene_folders)"

    def _require_inside(self, path: Path, name: str) -> None:
        if not self._is_inside(path):
            raise ModelError(
                f"the model names the file '{shown(name)}', which lies outside; valid: files below {self.valid()}"
            )

    def _is_inside(self, path: Path) -> bool:
        return self.folders is None or any(folder in path.parents for folder in self.folders)


ANY_FILE = FileRule()
"""For models that the operator names: on the command line, in parameters, and in config/robots."""


def shown(name: str) -> str:
    """Return a file's name for a message: ASCII, at most 200 characters."""
    return printable(name)[:200]


def _place_of(file: int, path: Path) -> Path:
    """Return where an open file is; where the system does not tell, where its path leads now."""
    link = f"/proc/self/fd/{file}"
    if os.path.islink(link):
        return Path(os.readlink(link))
    real = Path(os.path.realpath(path))
    return real if os.path.samestat(os.stat(real), os.fstat(file)) else Path("/changed while it was opened")
